import { DeleteSnapshotCommand, type Image } from "@aws-sdk/client-ec2";
import { SnapshotError, messageOf } from "../base/errors";
import type { Waiting } from "../base/log";
import { poll } from "../base/poll";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { awsErrorName, dryRun, isRefusal, request } from "./request";
import { assertUnlocked, findLocks, lockedError } from "./snapshotLocks";
import { findSet, imagesOf, isInBin } from "./snapshots";

const VISIBLE_INTERVAL_MS = 500;
const RELEASE_INTERVAL_MS = 2_000;
const RELEASING = "waiting for EC2 to let go of the snapshots of a deregistered image";

/**
 * Deletes the set of an execution whose outcome is not known: looks for it by its tag until it is seen, or for as
 * long as EC2 may take to show it.
 */
export async function deleteUnknownSet(
    clients: Clients,
    executionId: string,
    volumes: number,
    { log, signal }: Waiting,
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
 * Makes sure, before any of them is deleted, that nothing keeps one of the snapshots.
 * @param own an image that goes with them
 * @throws SnapshotError `SNAPSHOT_IN_USE` that names the images, `SNAPSHOT_LOCKED` that names the locks
 */
export async function assertDeletable(
    clients: Clients,
    ids: readonly string[],
    own: string | undefined,
    waiting: Waiting,
): Promise<void> {
    await assertUnused(clients, ids, own, waiting);
    await assertUnlocked(clients, ids, waiting.signal);
}

/** An image that was deregistered a moment ago may still be told of (EC2 API reference, "Eventual consistency"). */
async function assertUnused(
    clients: Clients,
    ids: readonly string[],
    own: string | undefined,
    { log, signal }: Waiting,
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
    const there = tagged.filter((snapshot) => !isInBin(snapshot));
    const all = [...new Set([...ids, ...there.flatMap((snapshot) => snapshot.SnapshotId ?? [])])];
    const released = { deregistered, deadline: performance.now() + timing.visibleMs, log, signal };
    // First that of the boot volume, which no image can do without: an image that nobody may list, as it is of another
    // account, leaves the set whole.
    await deleteWhenReleased(clients, all.slice(0, 1), released);
    await deleteWhenReleased(clients, all.slice(1), released);
}

export interface Deleting extends Waiting {
    /** Images that the set was behind. */
    readonly deregistered?: readonly string[];
}

interface Released extends Required<Deleting> {
    readonly deadline: number;
}

/** A snapshot that EC2 does not delete yet: an image is made from it, or it is on its way out of the Recycle Bin. */
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
        { deadline, interval: RELEASE_INTERVAL_MS, signal, onWait: () => log(RELEASING, "status") },
    );
    if (held.length > 0) {
        throw stillHeld(held);
    }
}

/** @returns those that EC2 does not delete yet */
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
            case IN_USE:
            case "IncorrectState":
                return { snapshotId, error };
            default:
                throw await orLock(clients, snapshotId, error, signal);
        }
    }
}

const IN_USE = "InvalidSnapshot.InUse";

/** AWS documents no code of its own for what it says of a locked one, so its locks are asked for. */
async function orLock(
    clients: Clients,
    snapshotId: string,
    error: unknown,
    signal: AbortSignal,
): Promise<unknown> {
    const locks = isRefusal(error) ? await findLocks(clients, [snapshotId], signal) : undefined;
    return locks === undefined || locks.length === 0 ? error : lockedError(locks, { cause: error });
}

function usedBy(snapshots: readonly string[], images: readonly Image[], cause?: unknown): SnapshotError {
    const names = images.flatMap((image) => image.ImageId ?? []).join(", ");
    return new SnapshotError(
        {
            code: "SNAPSHOT_IN_USE",
            message: `${snapshots.join(", ")} cannot be deleted, because ${names} is made from it.`,
            remedy: `Deregister ${names} first. If a Pulumi program made it, let the image depend on the snapshot there.`,
        },
        { cause },
    );
}

/** By an image that this account does not have: the name is in EC2's own words. */
function stillHeld(held: readonly Held[]): unknown {
    const other = held.find(({ error }) => awsErrorName(error) !== IN_USE);
    if (other !== undefined) {
        return other.error;
    }
    const said = messageOf(held[0]?.error);
    const names = [...new Set(said.match(/\bami-[0-9a-f]+/g) ?? [])].join(", ") || "an image";
    return new SnapshotError(
        {
            code: "SNAPSHOT_IN_USE",
            message:
                `${held.map(({ snapshotId }) => snapshotId).join(", ")} could not be deleted, because EC2 reports that ${names} uses it. ` +
                `This account does not have that image any more, or never had it (${said}).`,
            remedy:
                `If ${names} was deregistered a moment ago, run again, because EC2 needs some time to let go of its snapshots. ` +
                `If it is of another account, have it deregistered there.`,
        },
        { cause: held[0]?.error },
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
