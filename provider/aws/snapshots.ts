import {
    DeleteSnapshotCommand,
    type Filter,
    type Image,
    type Snapshot,
    paginateDescribeSnapshots,
} from "@aws-sdk/client-ec2";
import { SnapshotError, messageOf } from "../base/errors";
import type { Log } from "../base/log";
import { poll } from "../base/poll";
import type { CreatedSet } from "./createSnapshots";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { findImages } from "./images";
import { awsErrorName, dryRun, request } from "./request";
import { tagKeys } from "./tags";

const VISIBLE_INTERVAL_MS = 500;
const RELEASE_INTERVAL_MS = 2_000;
const RELEASING = "waiting for EC2 to let go of the snapshots of a deregistered image";

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
    { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
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
    { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
    await poll(
        async () => {
            const visible = await findSet(clients, executionId, signal);
            return visible.length >= volumes ? visible : undefined;
        },
        {
            deadline: performance.now() + timing.visibleMs,
            interval: VISIBLE_INTERVAL_MS,
            signal,
            onWait: () => log("looking for a set that EC2 may have made, to delete it", "status"),
        },
    );
    await deleteSet(clients, executionId, [], { log, signal });
}

/**
 * Makes sure, before any of them is deleted, that no image is made from the snapshots. One that was deregistered a
 * moment ago may still be told of (EC2 API reference, "Eventual consistency").
 * @param own an image that goes with them
 * @throws SnapshotError `SNAPSHOT_IN_USE` that names the images
 */
export async function assertUnused(
    clients: Clients,
    ids: readonly string[],
    own: string | undefined,
    { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
    if (ids.length === 0) {
        return;
    }
    let images: Image[] = [];
    await poll(
        async () => {
            images = (await imagesOf(clients, ids, signal)).filter((image) => image.ImageId !== own);
            return images.length === 0 ? true : undefined;
        },
        {
            deadline: performance.now() + timing.imageGoneMs,
            interval: RELEASE_INTERVAL_MS,
            signal,
            onWait: () => log(RELEASING, "status"),
        },
    );
    if (images.length > 0) {
        throw usedBy(ids, images);
    }
}

/**
 * Deletes the snapshots with these ids and all that carry the execution's tag. Already gone is done. Waits for images
 * that were deregistered a moment ago, by whomever, to let go of them: that takes EC2 seconds to minutes (seen by
 * others: boto issue 3019, packer issue 8598; not documented).
 */
export async function deleteSet(
    clients: Clients,
    executionId: string,
    ids: readonly string[],
    { log, signal, deregistered = [] }: Deleting,
): Promise<void> {
    const tagged = await findSet(clients, executionId, signal);
    const all = [...new Set([...ids, ...tagged.flatMap((snapshot) => snapshot.SnapshotId ?? [])])];
    const released = { deregistered, deadline: performance.now() + timing.visibleMs, log, signal };
    // First that of the boot volume, which no image can do without: an image that nobody may list, as it is of another
    // account, leaves the set whole.
    await deleteWhenReleased(clients, all.slice(0, 1), released);
    await deleteWhenReleased(clients, all.slice(1), released);
}

export interface Deleting {
    readonly log: Log;
    readonly signal: AbortSignal;
    /** Images that the set was behind. */
    readonly deregistered?: readonly string[];
}

interface Released extends Required<Deleting> {
    readonly deadline: number;
}

/** A snapshot that EC2 does not delete, as an image is made from it. */
interface Held {
    readonly snapshotId: string;
    readonly error: unknown;
}

async function deleteWhenReleased(
    clients: Clients,
    ids: readonly string[],
    { deregistered, deadline, log, signal }: Released,
): Promise<void> {
    const listedUntil = performance.now() + timing.imageGoneMs;
    let left = ids;
    let held: Held[] = [];
    await poll(
        async () => {
            held = await deleteAll(clients, left, signal);
            left = held.map(({ snapshotId }) => snapshotId);
            if (left.length === 0) {
                return true;
            }
            const images = (await imagesOf(clients, left, signal)).filter(
                (image) => !deregistered.includes(image.ImageId ?? ""),
            );
            if (images.length > 0 && performance.now() >= listedUntil) {
                throw usedBy(left, images, held[0]?.error);
            }
            return undefined;
        },
        {
            deadline,
            interval: RELEASE_INTERVAL_MS,
            signal,
            onWait: () => log(RELEASING, "status"),
        },
    );
    if (held.length > 0) {
        throw stillHeld(held);
    }
}

/** @returns those that an image is made from */
async function deleteAll(clients: Clients, ids: readonly string[], signal: AbortSignal): Promise<Held[]> {
    const results = await Promise.allSettled(ids.map((id) => deleteSnapshot(clients, id, signal)));
    return results.flatMap((result) => {
        if (result.status === "rejected") {
            throw result.reason;
        }
        return result.value ?? [];
    });
}

async function deleteSnapshot(
    clients: Clients,
    snapshotId: string,
    signal: AbortSignal,
): Promise<Held | undefined> {
    try {
        await request("ec2:DeleteSnapshot", signal, (abortSignal) =>
            clients.ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }), { abortSignal }),
        );
        return undefined;
    } catch (error) {
        switch (awsErrorName(error)) {
            case "InvalidSnapshot.NotFound":
                return undefined;
            case "InvalidSnapshot.InUse":
                return { snapshotId, error };
            default:
                throw error;
        }
    }
}

function usedBy(snapshots: readonly string[], images: readonly Image[], cause?: unknown): SnapshotError {
    const names = images.flatMap((image) => image.ImageId ?? []).join(", ");
    return new SnapshotError(
        {
            code: "SNAPSHOT_IN_USE",
            message: `${snapshots.join(", ")} cannot be deleted: ${names} is made from it.`,
            remedy: `Deregister ${names} first; in a Pulumi program, make the image depend on the snapshot.`,
        },
        { cause },
    );
}

/** By an image that this account does not have: the name is in EC2's own words. */
function stillHeld(held: readonly Held[]): SnapshotError {
    const said = messageOf(held[0]?.error);
    const names = [...new Set(said.match(/\bami-[0-9a-f]+/g) ?? [])].join(", ") || "an image";
    return new SnapshotError(
        {
            code: "SNAPSHOT_IN_USE",
            message:
                `${held.map(({ snapshotId }) => snapshotId).join(", ")} could not be deleted: EC2 says that ${names} uses it, ` +
                `which this account does not have any more, or never had (${said}).`,
            remedy:
                `If ${names} was deregistered a moment ago, run again: EC2 needs some time to let go of its snapshots. ` +
                `If it is of another account, have it deregistered there.`,
        },
        { cause: held[0]?.error },
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
