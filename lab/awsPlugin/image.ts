import {
    DeleteSnapshotCommand,
    DeregisterImageCommand,
    DescribeImagesCommand,
    type EC2Client,
    type Image,
    ModifyImageAttributeCommand,
} from "@aws-sdk/client-ec2";
import type { InputKind, Properties, ResourceKind } from "./resourceKind";
import { tagMap, updateTags } from "./tags";
import { until } from "./until";

/** What all resources share whose id is that of an image. */
export const image = {
    named: true,
    settle: (ec2, id) =>
        until(`${id} is available`, async () => {
            const found = await find(ec2, id);
            if (found?.State !== "available" && found?.State !== "pending") {
                const reason = found?.StateReason?.Message ?? "no reason given";
                throw new Error(`${id} is ${found?.State ?? "gone"}: ${reason}`);
            }
            return found.State === "available";
        }),
    read: async (ec2, id) => {
        const found = await find(ec2, id);
        return found && describe(found);
    },
    update: async (ec2, id, olds, news) => {
        if (olds["description"] !== news["description"]) {
            const Description = { Value: text(news["description"]) ?? "" };
            await ec2.send(new ModifyImageAttributeCommand({ ImageId: id, Description }));
        }
        await updateTags(ec2, id, olds["tags"], news["tags"]);
    },
    delete: async (ec2, id) => {
        await ec2.send(new DeregisterImageCommand({ ImageId: id }));
    },
} satisfies Partial<ResourceKind>;

export const imageInputs = {
    name: { change: "replace" },
    description: { change: "update" },
    tags: { change: "update" },
    region: { change: "replace" },
} satisfies Record<string, InputKind>;

export const imageOutputs = [
    "arn",
    "hypervisor",
    "ownerId",
    "rootSnapshotId",
    "usageOperation",
    "platformDetails",
];

export async function find(ec2: EC2Client, id: string): Promise<Image | undefined> {
    const { Images = [] } = await ec2.send(
        new DescribeImagesCommand({ Filters: [{ Name: "image-id", Values: [id] }] }),
    );
    return Images[0];
}

export async function deleteSnapshots(ec2: EC2Client, of: Image | undefined): Promise<void> {
    for (const { Ebs } of of?.BlockDeviceMappings ?? []) {
        await ec2.send(new DeleteSnapshotCommand({ SnapshotId: Ebs?.SnapshotId }));
    }
}

function describe(found: Image): Properties {
    const devices = (found.BlockDeviceMappings ?? []).map(({ DeviceName, Ebs }) => ({
        deviceName: DeviceName,
        snapshotId: Ebs?.SnapshotId,
        volumeSize: Ebs?.VolumeSize,
        volumeType: Ebs?.VolumeType,
        iops: Ebs?.Iops,
        throughput: Ebs?.Throughput,
        deleteOnTermination: Ebs?.DeleteOnTermination,
        encrypted: Ebs?.Encrypted,
    }));
    return {
        name: found.Name,
        description: found.Description,
        architecture: found.Architecture,
        bootMode: found.BootMode,
        ebsBlockDevices: devices,
        enaSupport: found.EnaSupport,
        hypervisor: found.Hypervisor,
        imdsSupport: found.ImdsSupport,
        ownerId: found.OwnerId,
        platformDetails: found.PlatformDetails,
        rootDeviceName: found.RootDeviceName,
        rootSnapshotId: devices.find(({ deviceName }) => deviceName === found.RootDeviceName)?.snapshotId,
        sriovNetSupport: found.SriovNetSupport,
        tpmSupport: found.TpmSupport,
        usageOperation: found.UsageOperation,
        virtualizationType: found.VirtualizationType,
        tags: tagMap(found.Tags),
    };
}

export function text(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}
