import type { Log } from "../base/log";
import type { Clients } from "../aws/clients";
import type { SnapshotInputs } from "../inputs/inputs";
import type { Shared } from "./shared";

/** One run for one resource: everything that is known before anything is asked. */
export interface Run {
    readonly executionId: string;
    readonly inputs: SnapshotInputs;
    readonly clients: Clients;
    /** Executions that the stack knows of: their sets are not abandoned. */
    readonly known: ReadonlySet<string>;
    /** Earlier executions whose freeze is known to be over; the run adds those that it finds on the host. */
    readonly healed: Set<string>;
    /** How many requests of the same group go before that of this run, at the same time. Default: 0. */
    readonly requestsBefore?: number;
    readonly shared: Shared;
    readonly log: Log;
    readonly signal: AbortSignal;
}
