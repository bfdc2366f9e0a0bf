import { type ErrorContext, type Failure, SnapshotError } from "../base/errors";
import type { PendingFreeze } from "./quiescer";

export interface QuiesceOutcome {
    /** Whether the instance is known not to be frozen by this run. */
    readonly awake: boolean;
    /** Whether pre-freeze was started. Default: false. */
    readonly froze?: boolean;
    /** As in `Capture`. Default: false. */
    readonly deployed?: boolean;
    /** Linux boot id of the host that was frozen: it tells later whether that host is asked again. */
    readonly bootId?: string | undefined;
    /** What is known of its freeze, when it is not known to be awake. */
    readonly pending?: PendingFreeze | undefined;
    /** Whether a plain snapshot may take the place of the one that was asked for. */
    readonly mayFallBack: boolean;
}

/** Quiescing did not succeed, or there is no set although it did. */
export class QuiesceError extends SnapshotError {
    readonly awake: boolean;
    readonly froze: boolean;
    readonly deployed: boolean;
    readonly bootId: string | undefined;
    readonly pending: PendingFreeze | undefined;
    readonly mayFallBack: boolean;

    constructor(failure: Failure, outcome: QuiesceOutcome, context: ErrorContext = {}) {
        super(failure, context);
        this.awake = outcome.awake;
        this.froze = outcome.froze ?? false;
        this.deployed = outcome.deployed ?? false;
        this.bootId = outcome.bootId;
        this.pending = outcome.pending;
        this.mayFallBack = outcome.mayFallBack;
    }
}
