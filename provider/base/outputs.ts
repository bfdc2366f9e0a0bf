/*
 * Types of the outputs. Public: no type of a dependency may appear here, as the TypeScript 3.8 that Pulumi ships has to
 * read it.
 */

/** What an image of the instance needs, at the time of the snapshot. Names and values are EC2's. */
export interface InstanceFacts {
    /** `i-...` */
    readonly instanceId: string;
    /** The operating system, as far as EC2 tells systems apart. */
    readonly platform: "windows" | "linux";
    /** What the instance is billed as, in words, such as `Linux/UNIX` or `Windows with SQL Server Standard`. */
    readonly platformDetails?: string;
    /** The same as a code, such as `RunInstances:0002`. */
    readonly usageOperation?: string;
    /** Of the AWS Marketplace; empty for an instance without one. */
    readonly productCodes: {
        /** The code itself. */
        readonly productCodeId: string;
        /** `marketplace` or `devpay`. */
        readonly productCodeType: string;
    }[];
    /** `x86_64`, `arm64` and the like. */
    readonly architecture?: string;
    /** Device of the boot volume, such as `/dev/xvda`. */
    readonly rootDeviceName?: string;
    /** `hvm` or `paravirtual`. */
    readonly virtualizationType?: string;
    /** Whether enhanced networking by ENA is on. */
    readonly enaSupport?: boolean;
    /** `simple` where enhanced networking by the Intel 82599 VF interface is on. */
    readonly sriovNetSupport?: string;
    /** What the image asks for: `legacy-bios`, `uefi` or `uefi-preferred`. */
    readonly bootMode?: string;
    /** By what the instance has booted: `legacy-bios` or `uefi`. */
    readonly currentInstanceBootMode?: string;
    /** `v2.0` where the instance has a NitroTPM. */
    readonly tpmSupport?: string;
    /** The image that the instance was launched from. */
    readonly imageId?: string;
    /** Such as `m7i.large`. */
    readonly instanceType?: string;
    /** Where the instance runs, such as `eu-central-1a`. */
    readonly availabilityZone?: string;
    /** Of the instance and of its snapshots. */
    readonly region: string;
    /** AWS account that the snapshots belong to, 12 digits. */
    readonly accountId: string;
}

/** One snapshot of the set, with what an image's block device mapping needs of its volume. */
export interface SnapshotInfo {
    /** `snap-...` */
    readonly snapshotId: string;
    /** Volume that it was taken of, `vol-...`. */
    readonly volumeId: string;
    /** Where the volume is attached, such as `/dev/sdf`; empty where that is not known any more (`get`). */
    readonly deviceName: string;
    /** Whether it is of the boot volume. */
    readonly boot: boolean;
    /** Size of the volume, GiB. */
    readonly sizeGiB: number;
    /** `gp3`, `io2` and the like; empty where that is not known any more (`get`). */
    readonly volumeType: string;
    /** IOPS of the volume, where EC2 names them. */
    readonly iops?: number;
    /** Throughput of the volume, MiB/s, where EC2 names it. */
    readonly throughput?: number;
    /** Whether the volume, and so the snapshot, is encrypted. */
    readonly encrypted: boolean;
    /** ARN of the key that it is encrypted by. */
    readonly kmsKeyId?: string;
    /** Whether the volume goes when the instance is terminated. */
    readonly deleteOnTermination: boolean;
}
