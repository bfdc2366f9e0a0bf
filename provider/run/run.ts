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
    /** The group that the instance is a member of, if it is one. */
    readonly group?: GroupOfRun;
    readonly shared: Shared;
    readonly log: Log;
    readonly signal: AbortSignal;
}

export interface GroupOfRun {
    readonly id: string;
    /** The member's name. */
    readonly member: string;
    /** The instances of all members, in the order of their requests, which are sent at the same time. */
    readonly instanceIds: readonly string[];
    /** Executions of the whole group that the stack knows of, those of former members too. */
    readonly known: ReadonlySet<string>;
}
