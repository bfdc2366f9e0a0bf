import {
    DeleteSnapshotCommand,
    type Filter,
    type Image,
    type Snapshot,
    paginateDescribeSnapshots,
} from "@aws-sdk/client-ec2";
import { SnapshotError } from "../errors";
import { poll } from "../poll";
import type { CreatedSet } from "../quiesce/quiescer";
import { timing } from "../timing";
import type { Clients } from "./clients";
import { findImages } from "./images";
import { awsErrorName, dryRun, request } from "./request";
import { tagKeys } from "./tags";

const VISIBLE_INTERVAL_MS = 500;
const RELEASE_INTERVAL_MS = 2_000;

/** Snapshots of this account that match. */
export async function findSnapshots(
    clients: Clients,
    filters: Filter[],
    signal: AbortSignal,
): Promise<Snapshot[]> {
    return await request("ec2:DescribeSnapshots", signal, async (abortSignal) => {
        const found: Snapshot[] = [];
        const pages = paginateDescribeSnapshots(
            { client: clients.ec2 },
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

/**
 * Makes sure that the execution's tag finds exactly the set that CreateSnapshots answered: a request that somebody
 * repeated on the way makes a second set that nobody was told of.
 */
export async function verifySet(
    clients: Clients,
    executionId: string,
    set: CreatedSet,
    expectedVolumes: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    const ids = new Set(set.snapshots.map((snapshot) => snapshot.snapshotId));
    const found = await poll(
        async () => {
            const visible = await findSet(clients, executionId, signal);
            const seen = new Set(visible.map((snapshot) => snapshot.SnapshotId));
            return [...ids].every((id) => seen.has(id)) ? visible : undefined;
        },
        { deadline: performance.now() + timing.visibleMs, interval: VISIBLE_INTERVAL_MS, signal },
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
                `Volumes were attached or detached during the run: expected snapshots of ${expectedVolumes.join(", ")}, ` +
                `got ${returned.join(", ")}.`,
            remedy: "Run again when the instance's volumes have settled.",
        });
    }
    if (tagged === undefined) {
        return new SnapshotError({
            code: "SNAPSHOT_OUTCOME_UNKNOWN",
            message: "The snapshots that CreateSnapshots answered could not be found by their tag.",
            remedy: "Run again.",
        });
    }
    if (!sameMembers(tagged, expectedVolumes) || !sameMembers(returned, expectedVolumes)) {
        return new SnapshotError({
            code: "DUPLICATE_SNAPSHOTS",
            message: `There is more than one snapshot of a volume: ${tagged.length} snapshots of ${expectedVolumes.length} volumes.`,
            remedy: "Run again; a proxy that repeats requests to AWS must not stand in between.",
        });
    }
    return undefined;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
    return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

/**
 * Deletes the set of an execution whose outcome is not known: looks for it by its tag until it is seen, or for as
 * long as EC2 may take to show it.
 */
export async function deleteUnknownSet(
    clients: Clients,
    executionId: string,
    volumes: number,
    signal: AbortSignal,
): Promise<void> {
    await poll(
        async () => {
            const visible = await findSet(clients, executionId, signal);
            return visible.length >= volumes ? visible : undefined;
        },
        { deadline: performance.now() + timing.visibleMs, interval: VISIBLE_INTERVAL_MS, signal },
    );
    await deleteSet(clients, executionId, [], signal);
}

/**
 * Makes sure, before any of them is deleted, that no image is made from the snapshots.
 * @param own an image that goes with them
 * @throws SnapshotError `SNAPSHOT_IN_USE` that names the images
 */
export async function assertUnused(
    clients: Clients,
    ids: readonly string[],
    own: string | undefined,
    signal: AbortSignal,
): Promise<void> {
    if (ids.length === 0) {
        return;
    }
    const images = (await imagesOf(clients, ids, signal)).filter((image) => image.ImageId !== own);
    if (images.length > 0) {
        throw inUse(ids.join(", "), images);
    }
}

/** Deletes the snapshots with these ids and all that carry the execution's tag. Already gone is done. */
export async function deleteSet(
    clients: Clients,
    executionId: string,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    const tagged = await findSet(clients, executionId, signal);
    const all = new Set([...ids, ...tagged.flatMap((snapshot) => snapshot.SnapshotId ?? [])]);
    const results = await Promise.allSettled([...all].map((id) => deleteSnapshot(clients, id, signal)));
    const [first] = results.filter((result) => result.status === "rejected");
    if (first !== undefined) {
        throw first.reason;
    }
}

/**
 * Deletes the set behind an image that was deregistered just now, which lets go of its snapshots after seconds to
 * minutes (seen by others: boto issue 3019, packer issue 8598; not documented).
 */
export async function deleteSetBehindImage(
    clients: Clients,
    executionId: string,
    ids: readonly string[],
    signal: AbortSignal,
): Promise<void> {
    let inUse: unknown;
    const deleted = await poll(
        async () => {
            try {
                await deleteSet(clients, executionId, ids, signal);
                return true;
            } catch (error) {
                if (!(error instanceof SnapshotError && error.code === "SNAPSHOT_IN_USE")) {
                    throw error;
                }
                inUse = error;
                return undefined;
            }
        },
        { deadline: performance.now() + timing.visibleMs, interval: RELEASE_INTERVAL_MS, signal },
    );
    if (deleted === undefined) {
        throw inUse;
    }
}

async function deleteSnapshot(clients: Clients, snapshotId: string, signal: AbortSignal): Promise<void> {
    try {
        await request("ec2:DeleteSnapshot", signal, (abortSignal) =>
            clients.ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }), { abortSignal }),
        );
    } catch (error) {
        if (awsErrorName(error) === "InvalidSnapshot.NotFound") {
            return;
        }
        if (awsErrorName(error) === "InvalidSnapshot.InUse") {
            throw inUse(snapshotId, await imagesOf(clients, [snapshotId], signal), error);
        }
        throw error;
    }
}

function inUse(snapshots: string, images: readonly Image[], cause?: unknown): SnapshotError {
    const ids = images.flatMap((image) => image.ImageId ?? []);
    const names = ids.length > 0 ? ids.join(", ") : "an image of another account";
    return new SnapshotError(
        {
            code: "SNAPSHOT_IN_USE",
            message: `${snapshots} cannot be deleted: ${names} is made from it.`,
            remedy: `Deregister ${names} first; in a Pulumi program, make the image depend on the snapshot.`,
        },
        { cause },
    );
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

/** Why AWS would not allow it; undefined: allowed. */
export async function dryRunDelete(
    clients: Clients,
    snapshotId: string,
    signal: AbortSignal,
): Promise<SnapshotError | undefined> {
    return await dryRun(
        request("ec2:DeleteSnapshot", signal, (abortSignal) =>
            clients.ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId, DryRun: true }), {
                abortSignal,
            }),
        ),
    );
}
