import { RegisterImageCommand, type RegisterImageCommandInput } from "@aws-sdk/client-ec2";
import { image, imageInputs, imageOutputs } from "./image";
import type { Properties, ResourceKind } from "./resourceKind";
import { tagSpecifications } from "./tags";

interface Device {
    readonly deviceName: string;
    readonly snapshotId?: string;
    readonly volumeSize?: number;
    readonly volumeType?: "standard";
    readonly iops?: number;
    readonly throughput?: number;
    readonly encrypted?: boolean;
    readonly deleteOnTermination?: boolean;
}

const DEVICE_FIELDS = [
    "deviceName",
    "snapshotId",
    "volumeSize",
    "volumeType",
    "iops",
    "throughput",
    "encrypted",
    "deleteOnTermination",
] satisfies (keyof Device)[];

/** The real provider's, which are not those that EC2 has of its own. */
const DEFAULTS = { architecture: "x86_64", virtualizationType: "paravirtual", sriovNetSupport: "simple" };

export const ami: ResourceKind = {
    ...image,
    type: "aws:ec2/ami:Ami",
    inputs: {
        ...imageInputs,
        architecture: { change: "replace" },
        bootMode: { change: "replace" },
        ebsBlockDevices: { change: "replace", fields: DEVICE_FIELDS },
        enaSupport: { change: "replace" },
        imdsSupport: { change: "replace" },
        rootDeviceName: { change: "replace" },
        sriovNetSupport: { change: "replace" },
        tpmSupport: { change: "replace" },
        uefiData: { change: "replace" },
        virtualizationType: { change: "replace" },
    },
    computed: imageOutputs,
    create: async (ec2, inputs) => {
        const given = { ...DEFAULTS, ...inputs } as Properties & typeof DEFAULTS;
        const devices = (given["ebsBlockDevices"] ?? []) as Device[];
        const { ImageId = "" } = await ec2.send(
            new RegisterImageCommand({
                Name: given["name"],
                Description: given["description"],
                Architecture: given.architecture,
                BootMode: given["bootMode"],
                EnaSupport: given["enaSupport"],
                ImdsSupport: given["imdsSupport"],
                RootDeviceName: given["rootDeviceName"],
                SriovNetSupport: given.sriovNetSupport,
                TpmSupport: given["tpmSupport"],
                UefiData: given["uefiData"],
                VirtualizationType: given.virtualizationType,
                BlockDeviceMappings: devices.map((device) => ({
                    DeviceName: device.deviceName,
                    Ebs: {
                        SnapshotId: device.snapshotId,
                        VolumeSize: device.volumeSize,
                        VolumeType: device.volumeType ?? "standard",
                        Iops: device.iops,
                        Throughput: device.throughput,
                        Encrypted: device.encrypted,
                        DeleteOnTermination: device.deleteOnTermination ?? true,
                    },
                })),
                TagSpecifications: tagSpecifications("image", given["tags"]),
            } as RegisterImageCommandInput),
        );
        return ImageId;
    },
};
