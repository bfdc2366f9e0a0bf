import { type ErrorContext, type Failure, SnapshotError } from "../errors";

export interface QuiesceOutcome {
    /** Whether the instance is known to be awake. */
    readonly awake: boolean;
    /** Whether a plain snapshot may take the place of the one that was asked for. */
    readonly mayFallBack: boolean;
}

/** Quiescing did not succeed, or there is no set although it did. */
export class QuiesceError extends SnapshotError {
    readonly awake: boolean;
    readonly mayFallBack: boolean;

    constructor(failure: Failure, outcome: QuiesceOutcome, context: ErrorContext = {}) {
        super(failure, context);
        this.awake = outcome.awake;
        this.mayFallBack = outcome.mayFallBack;
    }
}
