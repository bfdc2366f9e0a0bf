import type { Snapshot } from "@aws-sdk/client-ec2";
import type { Clients } from "../../aws/clients";
import { findSnapshots } from "../../aws/snapshots";
import { tagFilter, tagKeys, tagOf } from "../../aws/tags";
import { SnapshotError } from "../../base/errors";
import { type FoundSet, foundSet } from "../foundSet";
import { stateOfFound } from "../readSet";
import { type GroupState, type MemberState, foundState } from "./groupState";

/** What the tags of a group's snapshots tell of it. */
export interface FoundGroup {
    /** By the members' names. One of which nothing is left is absent. */
    readonly sets: Readonly<Record<string, FoundSet & { readonly executionId: string }>>;
    /** How many members the group was taken of. */
    readonly size: number;
    /**
     * Every set is there, whole, and has a level that only a proven hold gives. A run gives levels last, when it has asked
     * each member whether it was held until all had answered; and it sends no request before all are frozen.
     */
    readonly samePoint: boolean;
}

/** Judges what was found by a group's tag. */
export function foundGroup(tagged: readonly Snapshot[]): FoundGroup {
    const executions = Map.groupBy(tagged, (snapshot) => tagOf(snapshot, tagKeys.execution) ?? "");
    executions.delete("");
    const found = [...executions].map(([executionId, snapshots]) => {
        const [first = {}] = snapshots;
        const name = tagOf(first, tagKeys.member) ?? tagOf(first, tagKeys.instance) ?? executionId;
        return [name, { ...foundSet(snapshots), executionId }] as const;
    });
    const members = tagged.flatMap((snapshot) => tagOf(snapshot, tagKeys.members)?.split(" ").length ?? []);
    const size = Math.max(found.length, ...members);
    return {
        sets: Object.fromEntries(found),
        size,
        samePoint:
            members.length > 0 &&
            found.length === size &&
            found.every(([, { reason, level }]) => reason === undefined && level !== "crash"),
    };
}

/**
 * `AppConsistentSnapshotGroup.get`: finds the sets of a group by its tag. What only the run itself saw is left out.
 * @throws SnapshotError `INVALID_INPUT` when nothing was found
 */
export async function findGroup(
    clients: Clients,
    id: string,
    signal: AbortSignal,
): Promise<GroupState & { readonly size: number }> {
    const {
        sets: found,
        size,
        samePoint,
    } = foundGroup(await findSnapshots(clients, [tagFilter(tagKeys.group, id)], signal));
    if (Object.keys(found).length === 0) {
        throw new SnapshotError({
            code: "INVALID_INPUT",
            message: `There are no sets of a group with the id ${id} in ${clients.region}.`,
            remedy:
                "Check the id (acs-..., the group's id), the region and the account. The sets of a group that an earlier " +
                "release took are found one by one, by AppConsistentSnapshot.get and their own execution ids.",
        });
    }
    const sets = await Promise.all(
        Object.entries(found).map(async ([name, { executionId, ...set }]) => {
            const state = await stateOfFound(clients, executionId, set, signal);
            return [name, { ...state, instanceId: state.instance.instanceId }] as const;
        }),
    );
    const read: Record<string, MemberState> = Object.fromEntries(sets);
    return { ...foundState(samePoint, read), size };
}
