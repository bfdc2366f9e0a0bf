import type { Image, Snapshot } from "@aws-sdk/client-ec2";
import type { Log } from "../base/log";
import type { Clients } from "./clients";
import { deleteSet } from "./deleteSet";
import { deregisterImage, findImages, snapshotIdsOf } from "./images";
import { findLocks } from "./snapshotLocks";
import { findSnapshots, imagesOf, isInBin } from "./snapshots";
import { setTags } from "./setTags";
import { leaseOf, tagFilter, tagKeys, tagOf } from "./tags";

/** A set counts as abandoned when its run has not renewed its lease for this long after it ran out. */
export const GRACE_MS = 10 * 60_000;

/** A set of the same owner that an earlier run took of one of its instances, or together with such a one. */
export interface EarlierSet {
    readonly executionId: string;
    /** Those that carry its tag. */
    readonly snapshotIds: readonly string[];
    /** Images that carry its tag; only a run by VSS makes one. */
    readonly imageIds: readonly string[];
    /** What these images are made of and lacks the tag: AWS's document tags the image alone. */
    readonly bareSnapshotIds: readonly string[];
    readonly complete: boolean;
    /** Milliseconds since 1970; undefined when there is none that can be read. */
    readonly lease: number | undefined;
}

/**
 * Another stack of the same name, in another account of Pulumi, has the same URNs, so the instances must be the same.
 * @param instanceIds those that the owner has now
 */
export async function findEarlierSets(
    clients: Clients,
    owner: string,
    instanceIds: readonly string[],
    signal: AbortSignal,
): Promise<EarlierSet[]> {
    const filters = [tagFilter(tagKeys.owner, owner)];
    const [snapshots, images] = await Promise.all([
        findSnapshots(clients, filters, signal),
        findImages(clients, filters, signal),
    ]);
    const isOwn = (made: Snapshot | Image) =>
        tagOf(made, tagKeys.owner) === owner && instancesOf(made).some((id) => instanceIds.includes(id));
    // What is in the Recycle Bin was deleted.
    const there = snapshots.filter((snapshot) => isOwn(snapshot) && !isInBin(snapshot));
    return groupSets(there, images.filter(isOwn));
}

/** The instance that it was made of, and those whose sets were taken with it. */
function instancesOf(made: Snapshot | Image): string[] {
    return [tagOf(made, tagKeys.instance) ?? "", ...(tagOf(made, tagKeys.members) ?? "").split(" ")];
}

/** Snapshots and images as the sets they were taken in. */
export function groupSets(snapshots: readonly Snapshot[], images: readonly Image[]): EarlierSet[] {
    const groups = Map.groupBy([...snapshots, ...images], (made) => tagOf(made, tagKeys.execution) ?? "");
    groups.delete("");
    return [...groups].map(([executionId, members]) => {
        const own = members.filter(isImage);
        const snapshotIds = members.flatMap((member) => (isImage(member) ? [] : (member.SnapshotId ?? [])));
        return {
            executionId,
            snapshotIds,
            imageIds: own.flatMap((image) => image.ImageId ?? []),
            bareSnapshotIds: own.flatMap(snapshotIdsOf).filter((id) => !snapshotIds.includes(id)),
            complete: members.every((member) => tagOf(member, tagKeys.state) === "complete"),
            lease: leaseOf(members),
        };
    });
}

function isImage(made: Snapshot | Image): made is Image {
    return "ImageId" in made;
}

/** Whether the run that took the set is gone for good and nobody was told of it. */
export function isAbandoned(set: EarlierSet, now: number): boolean {
    return !set.complete && set.lease !== undefined && set.lease + GRACE_MS < now;
}

/**
 * Deletes what runs that died have left, except what an image uses by now, or somebody has locked. What is complete but not known to the
 * stack any more, because it was retained or its state was lost, is only named.
 */
export async function reapAbandonedSets(
    clients: Clients,
    earlier: readonly EarlierSet[],
    known: ReadonlySet<string>,
    log: Log,
    signal: AbortSignal,
): Promise<void> {
    for (const set of earlier.filter(
        (candidate) => known.has(candidate.executionId) && !candidate.complete,
    )) {
        // Its own run could not say so; once the stack lets go of it, to retain it, nobody would know.
        const made = [...set.snapshotIds, ...set.imageIds];
        await setTags(clients, made, { [tagKeys.state]: "complete" }, signal);
    }
    for (const set of earlier.filter((candidate) => !known.has(candidate.executionId))) {
        const made = [...set.imageIds, ...set.snapshotIds, ...set.bareSnapshotIds];
        const names = `${set.executionId} (${made.join(", ")})`;
        if (set.complete) {
            log(
                `warning: this resource does not manage its earlier set ${names}; ` +
                    "import it, or delete it by hand if it is not wanted (docs/import.md)",
            );
        } else if (isAbandoned(set, clients.clock.now())) {
            await reapSet(clients, set, names, log, signal);
        }
    }
}

async function reapSet(
    clients: Clients,
    set: EarlierSet,
    names: string,
    log: Log,
    signal: AbortSignal,
): Promise<void> {
    const snapshotIds = [...set.snapshotIds, ...set.bareSnapshotIds];
    const images = snapshotIds.length === 0 ? [] : await imagesOf(clients, snapshotIds, signal);
    if (images.some((image) => tagOf(image, tagKeys.execution) !== set.executionId)) {
        log(`warning: the abandoned set ${names} is used by an image and was left alone`);
        return;
    }
    const locks = await findLocks(clients, snapshotIds, signal);
    if (locks !== undefined && locks.length > 0) {
        log(`warning: the abandoned set ${names} is locked (Snapshot Lock) and was left alone`);
        return;
    }
    log(`deleting the abandoned set ${names} of a run that died`);
    // The caller may only be allowed to delete what carries the tag.
    await setTags(clients, set.bareSnapshotIds, { [tagKeys.execution]: set.executionId }, signal);
    for (const imageId of set.imageIds) {
        await deregisterImage(clients, imageId, signal);
    }
    await deleteSet(clients, set.executionId, snapshotIds, { log, signal, deregistered: set.imageIds });
}
