import type { Clients } from "../aws/clients";
import { groupSets, isAbandoned } from "../aws/earlierSets";
import { findSet } from "../aws/snapshots";
import { tagKeys, tagOf } from "../aws/tags";
import { type Failure, SnapshotError } from "../base/errors";
import { type SnapshotState, toState } from "../run/state";
import { type FoundSet, foundSet } from "./foundSet";
import { stateOfFound } from "./readSet";

/** A set that a stack may take over. */
export interface ImportedSet {
    readonly state: SnapshotState;
    /** The tag `owner`: the URN of the resource that it was taken for, or what of it fits a tag (`ownerTag`). */
    readonly owner: string | undefined;
}

/**
 * Finds a set by its execution's tag, for a stack to take over. Changes nothing.
 * @throws SnapshotError when there is none, it is not whole, or its run has not finished it
 */
export async function importSet(
    clients: Clients,
    executionId: string,
    signal: AbortSignal,
): Promise<ImportedSet> {
    const found = foundSet(await findSet(clients, executionId, signal));
    const failure = importFailure(executionId, found, clients.clock.now());
    if (failure !== undefined) {
        throw new SnapshotError(failure, { state: "nothing was changed." });
    }
    const state = await stateOfFound(clients, executionId, found, signal);
    const unfinished = state.evidence.completion === "pending";
    const [owner] = found.members.flatMap((member) => tagOf(member, tagKeys.owner) ?? []);
    return { state: toState({ ...state, unfinished, adopted: true as const }), owner };
}

/** Why a set that was found is not to be imported. @param now by AWS's clock, as leases are */
export function importFailure(
    executionId: string,
    { members, reason, message }: FoundSet,
    now: number,
): Failure | undefined {
    if (reason !== undefined) {
        return {
            code: reason,
            message: `${executionId} is not imported. ${message}`,
            remedy: "Import another set, or let `pulumi up` take a new one. Delete by hand the snapshots that are left of this one.",
        };
    }
    const [set] = groupSets(members, []);
    if (set === undefined || set.complete) {
        return undefined;
    }
    const lease = new Date(set.lease ?? 0).toISOString();
    return isAbandoned(set, now)
        ? {
              code: "SET_UNFINISHED",
              message:
                  `${executionId} is not imported, because its run died before the set was finished. Its lease ended at ${lease}. ` +
                  "So no tag proves its level, or that the instance was awake.",
              remedy:
                  "Run `pulumi up` with the resource that it was taken for. That thaws the instance if need be, deletes this " +
                  "set and takes a new one.",
          }
        : {
              code: "SET_UNFINISHED",
              message:
                  `${executionId} is not imported, because its run may still be at work on the set. The run counts as dead ` +
                  `10 minutes after the end of its lease, which is at ${lease}.`,
              remedy:
                  "If the run is alive, wait until its own stack has the set. If it is dead, run `pulumi up` with the resource that " +
                  "it was taken for, which takes a new set.",
          };
}
