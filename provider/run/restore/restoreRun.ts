import type { Clients } from "../../aws/clients";
import { SnapshotError } from "../../base/errors";
import type { Log } from "../../base/log";
import type { RestoreInputs } from "../../inputs/restoreInputs";

/** One run of a restore test. */
export interface RestoreRun {
    readonly executionId: string;
    readonly inputs: RestoreInputs;
    readonly clients: Clients;
    readonly log: Log;
    readonly signal: AbortSignal;
}

/** What the resource's outputs hold, besides copies of the inputs that `delete` and `diff` need. */
export interface RestoreState {
    readonly passed: boolean;
    readonly bootSeconds?: number | undefined;
    readonly verifySeconds?: number | undefined;
    readonly recoverySeconds?: number | undefined;
    readonly instanceId: string;
    readonly testedAt: string;
    readonly reason?: string | undefined;
    readonly message?: string | undefined;
    /** The copy, or something of it, may still be there. */
    readonly left: boolean;
    readonly region: string;
    readonly accountId: string;
}

/** The test is recorded in `state`. */
export class RecordedError extends SnapshotError {
    constructor(
        error: SnapshotError,
        readonly state: RestoreState,
    ) {
        super(error.failure, error.context);
    }
}
