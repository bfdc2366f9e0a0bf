import type { Snapshot } from "@aws-sdk/client-ec2";
import { TAG_PREFIX, tagKeys, tagOf } from "../aws/tags";
import type { ReasonCode } from "../base/errors";
import { type ConsistencyLevel, levels } from "../base/evidence";

/** What the snapshots that carry an execution's tag prove of its set, and no more. */
export interface FoundSet {
    /** Those of the set: a copy that somebody made, tags and all, is none of them. */
    readonly members: readonly Snapshot[];
    /** What of the set is lost, and how. */
    readonly lost: readonly string[];
    readonly level: ConsistencyLevel;
    readonly reason?: ReasonCode;
    readonly message: string;
}

/** Judges what was found by an execution's tag. */
export function foundSet(tagged: readonly Snapshot[]): FoundSet {
    const originals = tagged.filter((snapshot) => snapshot.VolumeId !== COPIED);
    const members = originals.length > 0 ? originals : tagged;
    const size = sizeOf(members);
    const lost = [...members.flatMap(lossOf), ...missing(members.length, size)];
    const more = size !== undefined && members.length > size;
    const reason = lost.length > 0 ? "SNAPSHOT_LOST" : more ? "DUPLICATE_SNAPSHOTS" : undefined;
    return {
        members,
        lost,
        level: reason === undefined ? lowestLevel(members) : "crash",
        ...(reason === undefined ? {} : { reason }),
        message: messageFor(members, size, lost),
    };
}

/** A copy's volume has this id, which means nothing (EC2 API reference, Snapshot). */
const COPIED = "vol-ffffffff";

function messageFor(members: readonly Snapshot[], size: number | undefined, lost: readonly string[]): string {
    const count =
        size === undefined
            ? "No tag says how many snapshots the set had, because an earlier release took it or there was no room for one more tag. So the level is that of the snapshots that are there."
            : members.length > size
              ? `The set had ${size} snapshots, but ${members.length} carry its tag.`
              : undefined;
    return [
        lost.length > 0 ? `The set is not whole: ${lost.join("; ")}.` : undefined,
        count,
        `The level is the lowest of the tags ${TAG_PREFIX}level of its snapshots. Only the stack that took the set can have more evidence.`,
    ]
        .filter((text) => text !== undefined)
        .join(" ");
}

/** How many snapshots the set was taken with, if its tags say so. */
export function sizeOf(snapshots: readonly Snapshot[]): number | undefined {
    const sizes = snapshots
        .map((snapshot) => tagOf(snapshot, tagKeys.size) ?? "")
        .flatMap((text) => (/^[1-9]\d{0,3}$/.test(text) ? [Number(text)] : []));
    return sizes.length > 0 ? Math.max(...sizes) : undefined;
}

/** Those that nothing is known of but their number. */
export function missing(there: number, size: number | undefined): string[] {
    return size !== undefined && there < size ? [`${size - there} of ${size} snapshots were deleted`] : [];
}

/** What is wrong with a snapshot that is not whole any more. `recovering` is on its way out of the Recycle Bin. */
export function lossOf(snapshot: Snapshot): string[] {
    const id = snapshot.SnapshotId ?? "";
    switch (snapshot.State) {
        case "error":
            return [`${id} failed: ${snapshot.StateMessage ?? "no message"}`];
        case "recoverable":
            return [`${id} was deleted and is in the Recycle Bin`];
        default:
            return [];
    }
}

/** That of all tags; a snapshot without one was never said to be better than `crash`. */
function lowestLevel(snapshots: readonly Snapshot[]): ConsistencyLevel {
    const found = snapshots.map((snapshot) =>
        levels.findIndex((one) => one === tagOf(snapshot, tagKeys.level)),
    );
    return found.includes(-1) ? "crash" : (levels[Math.max(...found)] ?? "crash");
}
