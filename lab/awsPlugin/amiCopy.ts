import { CopyImageCommand, type CopyImageCommandInput } from "@aws-sdk/client-ec2";
import { deleteSnapshots, find, image, imageInputs, imageOutputs } from "./image";
import type { ResourceKind } from "./resourceKind";
import { tagSpecifications } from "./tags";

/** Owns the snapshots that the copy is made of, and deletes them with it. */
export const amiCopy: ResourceKind = {
    ...image,
    type: "aws:ec2/amiCopy:AmiCopy",
    inputs: {
        ...imageInputs,
        encrypted: { change: "replace" },
        kmsKeyId: { change: "replace" },
        sourceAmiId: { change: "replace", required: true },
        sourceAmiRegion: { change: "replace", required: true },
    },
    computed: [...imageOutputs, "architecture", "ebsBlockDevices", "rootDeviceName", "virtualizationType"],
    create: async (ec2, inputs) => {
        const { ImageId = "" } = await ec2.send(
            new CopyImageCommand({
                Name: inputs["name"],
                Description: inputs["description"],
                Encrypted: inputs["encrypted"] ?? false,
                KmsKeyId: inputs["kmsKeyId"],
                SourceImageId: inputs["sourceAmiId"],
                SourceRegion: inputs["sourceAmiRegion"],
                TagSpecifications: tagSpecifications("image", inputs["tags"]),
            } as CopyImageCommandInput),
        );
        return ImageId;
    },
    delete: async (ec2, id) => {
        const copy = await find(ec2, id);
        await image.delete(ec2, id);
        await deleteSnapshots(ec2, copy);
    },
};
