import type { SnapshotInfo } from "../provider/base/outputs";

/** An entry of an image's block device mapping, in the terms of `aws.ec2.Ami`. */
export interface BlockDevice {
    readonly deviceName: string;
    readonly snapshotId: string;
    readonly volumeSize: number;
    readonly volumeType: string;
    readonly iops?: number;
    readonly throughput?: number;
    readonly deleteOnTermination: boolean;
}

/** Types whose IOPS can be chosen; EC2 tells those of gp2 too, and refuses them (EC2 API reference, EbsBlockDevice). */
const WITH_IOPS: readonly string[] = ["gp3", "io1", "io2"];
const WITH_THROUGHPUT: readonly string[] = ["gp3"];
/** A set that was found by its id does not tell the type: the volumes may be gone. */
const UNTOLD_TYPE = "gp3";

/**
 * The block device mapping of an image that is made of a set. No encryption: that follows each snapshot, and EC2
 * refuses it beside a snapshot's id (EC2 API reference, EbsBlockDevice).
 */
export function blockDeviceMapping(snapshots: readonly SnapshotInfo[]): BlockDevice[] {
    return snapshots.map(
        ({ deviceName, snapshotId, sizeGiB, volumeType, iops, throughput, deleteOnTermination }) => ({
            deviceName,
            snapshotId,
            volumeSize: sizeGiB,
            volumeType: volumeType === "" ? UNTOLD_TYPE : volumeType,
            ...(iops !== undefined && WITH_IOPS.includes(volumeType) ? { iops } : {}),
            ...(throughput !== undefined && WITH_THROUGHPUT.includes(volumeType) ? { throughput } : {}),
            deleteOnTermination,
        }),
    );
}
