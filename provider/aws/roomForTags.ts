import type { Clients } from "./clients";
import { awsErrorName } from "./request";
import { removeTags, setTags } from "./setTags";
import { describeSnapshots } from "./snapshots";
import { MAX_TAGS } from "./tags";

/**
 * Sets tags also where a snapshot has as many as EC2 allows (EC2 User Guide, "Tag restrictions"). There, as many as
 * have to are removed first of those that may go.
 *
 * @param ids of snapshots, and of what has no more tags than these have
 * @param mayGo the least valuable ones first
 * @throws SnapshotError as `setTags`, also when there is no room even so
 */
export async function setTagsMakingRoom(
    clients: Clients,
    ids: readonly string[],
    tags: Readonly<Record<string, string>>,
    mayGo: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    try {
        await setTags(clients, ids, tags, signal);
    } catch (error) {
        // EC2 API reference, "Error codes".
        if (awsErrorName(error) !== "TagLimitExceeded") {
            throw error;
        }
        const held = (await describeSnapshots(clients, ids, signal)).map(({ Tags = [] }) =>
            Tags.map(({ Key = "" }) => Key),
        );
        await removeTags(clients, ids, tagsInTheWay(held, Object.keys(tags), mayGo), signal);
        await setTags(clients, ids, tags, signal);
    }
}

/**
 * Which tags have to go, so that the wanted ones fit on each snapshot. All that may, if even that is not enough.
 * @param held the keys on each snapshot
 */
export function tagsInTheWay(
    held: readonly (readonly string[])[],
    wanted: readonly string[],
    mayGo: readonly string[],
): string[] {
    const gone: string[] = [];
    for (const key of mayGo) {
        const full = held.filter((keys) => countOf(keys, wanted, gone) > MAX_TAGS);
        if (full.some((keys) => keys.includes(key)) && !wanted.includes(key)) {
            gone.push(key);
        }
    }
    return gone;
}

function countOf(held: readonly string[], wanted: readonly string[], gone: readonly string[]): number {
    return new Set([...held, ...wanted].filter((key) => !gone.includes(key))).size;
}
