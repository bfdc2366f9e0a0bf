import type { Output } from "@pulumi/pulumi";
import type { ConsistencyLevel, Evidence } from "../base/evidence";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";

/** The set of one instance, as images and replicas are made of it: an `AppConsistentSnapshot`, or a member of a group. */
export interface SnapshotSet {
    /** The id of the execution that took it (`acs-...`). */
    readonly id: Output<string>;
    /** Boot volume first, then by device name. */
    readonly snapshotIds: Output<string[]>;
    /** What an image's block device mapping needs of each snapshot, in the same order. */
    readonly snapshots: Output<SnapshotInfo[]>;
    /** What the evidence proves. */
    readonly consistencyLevel: Output<ConsistencyLevel>;
    /** The proof of the level. */
    readonly evidence: Output<Evidence>;
    /** The instance at the time of the snapshot. */
    readonly instance: Output<InstanceFacts>;
    /** The image, with `createImage` only. */
    readonly imageId: Output<string | undefined>;
    /** When the snapshots were taken. ISO 8601. */
    readonly startTime: Output<string>;
    /**
     * What of `quiesce` a component has to know before anything is known; undefined for a set that was got by its id.
     * @internal
     */
    readonly quiescing?: Quiescing | undefined;
}

export interface Quiescing {
    readonly method: string;
    readonly createImage: boolean;
}
