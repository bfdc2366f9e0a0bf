import type { InstanceFacts, SnapshotInfo } from "../../provider/base/outputs";

/** Facts of a plain Linux instance, as EC2 tells them. */
export const linux: InstanceFacts = {
    instanceId: "i-0123456789abcdef0",
    platform: "linux",
    platformDetails: "Linux/UNIX",
    usageOperation: "RunInstances",
    productCodes: [],
    architecture: "x86_64",
    rootDeviceName: "/dev/xvda",
    virtualizationType: "hvm",
    enaSupport: true,
    sriovNetSupport: "simple",
    bootMode: "uefi-preferred",
    currentInstanceBootMode: "uefi",
    tpmSupport: "v2.0",
    imageId: "ami-00000000000000001",
    instanceType: "m7i.large",
    availabilityZone: "eu-central-1a",
    region: "eu-central-1",
    accountId: "123456789012",
};

export const boot: SnapshotInfo = {
    snapshotId: "snap-0000000000000000a",
    volumeId: "vol-0000000000000000a",
    deviceName: "/dev/xvda",
    boot: true,
    sizeGiB: 8,
    volumeType: "gp2",
    iops: 100,
    encrypted: false,
    deleteOnTermination: true,
};

export const data: SnapshotInfo = {
    snapshotId: "snap-0000000000000000b",
    volumeId: "vol-0000000000000000b",
    deviceName: "/dev/sdf",
    boot: false,
    sizeGiB: 100,
    volumeType: "gp3",
    iops: 4000,
    throughput: 250,
    encrypted: true,
    kmsKeyId: "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    deleteOnTermination: false,
};

export const EXECUTION = "acs-00000000-0000-4000-8000-000000000000";

/** Outputs of an AppConsistentSnapshot. */
export function setOutputs(facts: Partial<InstanceFacts> = {}): Record<string, unknown> {
    return {
        id: EXECUTION,
        snapshotIds: [boot.snapshotId, data.snapshotId],
        snapshots: [boot, data],
        instance: { ...linux, ...facts },
        consistencyLevel: "application",
        evidence: { method: "hooks", executionId: EXECUTION },
        thawPending: false,
        startTime: "2026-11-24T02:00:00.000Z",
    };
}

export const SNAPSHOT = "pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot";
export const AMI = "aws:ec2/ami:Ami";
export const COMPONENTS = {
    ami: "app-consistent-snapshot:index:AppConsistentAmi",
    replica: "app-consistent-snapshot:index:AppConsistentReplica",
};
