import type { Image, Snapshot } from "@aws-sdk/client-ec2";
import { APP_CONSISTENT, tagOf } from "../../aws/tags";

/** What AWS's tag says of a set. */
export interface AppConsistency {
    /** By snapshot id. */
    readonly bySnapshot: Readonly<Record<string, boolean>>;
    /** No snapshot has a tag of its own: it is the image's word. */
    readonly byImage: boolean;
}

/**
 * The document tags either each snapshot or the image alone. Once one snapshot has a tag of its own, each needs its
 * own: the image is tagged as well when one of its snapshots is not.
 */
export function appConsistencyOf(snapshots: readonly Snapshot[], image: Image | undefined): AppConsistency {
    const byImage =
        image !== undefined && snapshots.every((snapshot) => tagOf(snapshot, APP_CONSISTENT) === undefined);
    return {
        bySnapshot: Object.fromEntries(
            snapshots.map((snapshot) => [snapshot.SnapshotId ?? "", isTrue(byImage ? image : snapshot)]),
        ),
        byImage,
    };
}

export function isAppConsistent({ bySnapshot }: AppConsistency): boolean {
    return Object.values(bySnapshot).every(Boolean);
}

function isTrue(tagged: Snapshot | Image): boolean {
    return tagOf(tagged, APP_CONSISTENT)?.toLowerCase() === "true";
}
