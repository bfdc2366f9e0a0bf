import { type Filter, type Image, type Snapshot, paginateDescribeSnapshots } from "@aws-sdk/client-ec2";
import { SnapshotError } from "../base/errors";
import type { Waiting } from "../base/log";
import { poll } from "../base/poll";
import type { CreatedSet } from "./createSnapshots";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { findImages } from "./images";
import { request } from "./request";
import { tagKeys } from "./tags";

const VISIBLE_INTERVAL_MS = 500;
/** The most that EC2 gives at once (EC2 API reference, DescribeSnapshots). */
const PAGE_SIZE = 1_000;

/** Snapshots of this account that match. */
export async function findSnapshots(
    clients: Clients,
    filters: Filter[],
    signal: AbortSignal,
): Promise<Snapshot[]> {
    return await request("ec2:DescribeSnapshots", signal, async (abortSignal) => {
        const found: Snapshot[] = [];
        const pages = paginateDescribeSnapshots(
            { client: clients.ec2, pageSize: PAGE_SIZE },
            { OwnerIds: ["self"], Filters: filters },
            { abortSignal },
        );
        for await (const page of pages) {
            found.push(...(page.Snapshots ?? []));
        }
        return found;
    });
}

/** The set that an execution took. */
export async function findSet(
    clients: Clients,
    executionId: string,
    signal: AbortSignal,
): Promise<Snapshot[]> {
    return await findSnapshots(
        clients,
        [{ Name: `tag:${tagKeys.execution}`, Values: [executionId] }],
        signal,
    );
}

/** Those of the ids that EC2 still has. */
export async function describeSnapshots(
    clients: Clients,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<Snapshot[]> {
    if (ids.length === 0) {
        return [];
    }
    // A filter, unlike SnapshotIds, does not fail as a whole when one of them is gone.
    return await findSnapshots(clients, [{ Name: "snapshot-id", Values: [...ids] }], signal);
}

/** Whether it was deleted, and is kept in the Recycle Bin for a while: there it can only be looked at and restored. */
export function isInBin({ State }: Snapshot): boolean {
    return State === "recoverable";
}

/**
 * Makes sure that the execution's tag finds exactly the set that CreateSnapshots answered: a request that somebody
 * repeated on the way makes a second set that nobody was told of.
 */
export async function verifySet(
    clients: Clients,
    executionId: string,
    set: CreatedSet,
    expectedVolumes: readonly string[],
    { log, signal }: Waiting,
): Promise<void> {
    const ids = new Set(set.snapshots.map((snapshot) => snapshot.snapshotId));
    const found = await poll(
        async () => {
            const visible = await findSet(clients, executionId, signal);
            const seen = new Set(visible.map((snapshot) => snapshot.SnapshotId));
            return [...ids].every((id) => seen.has(id)) ? visible : undefined;
        },
        {
            deadline: performance.now() + timing.visibleMs,
            interval: VISIBLE_INTERVAL_MS,
            signal,
            onWait: () => log("waiting for EC2 to show the snapshots", "status"),
        },
    );
    const problem = setProblem(
        set,
        expectedVolumes,
        found?.map((snapshot) => snapshot.VolumeId ?? ""),
    );
    if (problem !== undefined) {
        throw problem;
    }
}

/** What is wrong with a set, if anything; `tagged` are the volumes of all snapshots that carry the execution's tag. */
export function setProblem(
    set: CreatedSet,
    expectedVolumes: readonly string[],
    tagged: readonly string[] | undefined,
): SnapshotError | undefined {
    const returned = set.snapshots.map((snapshot) => snapshot.volumeId);
    if (!sameMembers([...new Set(returned)], expectedVolumes)) {
        return new SnapshotError({
            code: "VOLUMES_CHANGED",
            message:
                `Volumes were attached or detached during the run. The instance had ${expectedVolumes.join(", ")}, ` +
                `and EC2 took snapshots of ${returned.join(", ")}.`,
            remedy: "Run again when nobody attaches or detaches volumes.",
        });
    }
    if (tagged === undefined) {
        return new SnapshotError({
            code: "SNAPSHOT_OUTCOME_UNKNOWN",
            message: "The snapshots that CreateSnapshots has made could not be found by their tag.",
            remedy: "Run again.",
        });
    }
    if (!sameMembers(tagged, expectedVolumes) || !sameMembers(returned, expectedVolumes)) {
        return new SnapshotError({
            code: "DUPLICATE_SNAPSHOTS",
            message: `There is more than one snapshot of a volume: ${tagged.length} snapshots of ${expectedVolumes.length} volumes.`,
            remedy: "Run again. If it happens again, look for a proxy that repeats requests to AWS.",
        });
    }
    return undefined;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
    return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

/** The images of this account that are made from any of the snapshots. */
export async function imagesOf(
    clients: Clients,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<Image[]> {
    return await findImages(
        clients,
        [{ Name: "block-device-mapping.snapshot-id", Values: [...ids] }],
        signal,
    );
}
