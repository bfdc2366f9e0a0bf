/*
 * Types of the outputs. Public: no type of a dependency may appear here, as the TypeScript 3.8 that Pulumi ships has to
 * read it.
 */

/** What an image of the instance needs, at the time of the snapshot. Names and values are EC2's. */
export interface InstanceFacts {
    readonly instanceId: string;
    readonly platform: "windows" | "linux";
    readonly platformDetails?: string;
    readonly usageOperation?: string;
    readonly productCodes: { readonly productCodeId: string; readonly productCodeType: string }[];
    readonly architecture?: string;
    readonly rootDeviceName?: string;
    readonly virtualizationType?: string;
    readonly enaSupport?: boolean;
    readonly sriovNetSupport?: string;
    readonly bootMode?: string;
    readonly currentInstanceBootMode?: string;
    readonly tpmSupport?: string;
    /** The image that the instance was launched from. */
    readonly imageId?: string;
    readonly instanceType?: string;
    readonly availabilityZone?: string;
    readonly region: string;
    readonly accountId: string;
}

/** One snapshot of the set, with what an image's block device mapping needs of its volume. */
export interface SnapshotInfo {
    readonly snapshotId: string;
    readonly volumeId: string;
    readonly deviceName: string;
    readonly boot: boolean;
    /** GiB. */
    readonly sizeGiB: number;
    readonly volumeType: string;
    readonly iops?: number;
    /** MiB/s. */
    readonly throughput?: number;
    readonly encrypted: boolean;
    readonly kmsKeyId?: string;
    readonly deleteOnTermination: boolean;
}
