import {
    DescribeInstancesCommand,
    type EC2Client,
    type Instance,
    RunInstancesCommand,
    type RunInstancesCommandInput,
    TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { isDeepStrictEqual } from "node:util";
import type { ResourceKind } from "./resourceKind";
import { tagMap, tagSpecifications, updateTags } from "./tags";
import { until } from "./until";

export const instance: ResourceKind = {
    type: "aws:ec2/instance:Instance",
    named: false,
    inputs: {
        ami: { change: "replace" },
        iamInstanceProfile: { change: "update" },
        instanceType: { change: "update" },
        keyName: { change: "replace" },
        launchTemplate: { change: "replace", fields: ["id", "version"] },
        privateIp: { change: "replace" },
        region: { change: "replace" },
        subnetId: { change: "replace" },
        tags: { change: "update" },
        userData: { change: "update" },
        vpcSecurityGroupIds: { change: "update" },
    },
    computed: [
        "arn",
        "availabilityZone",
        "instanceState",
        "privateDns",
        "privateIp",
        "publicIp",
        "publicDns",
    ],
    create: async (ec2, inputs) => {
        const template = inputs["launchTemplate"] as { id: string; version?: string } | undefined;
        const { Instances = [] } = await ec2.send(
            new RunInstancesCommand({
                MinCount: 1,
                MaxCount: 1,
                ImageId: inputs["ami"],
                InstanceType: inputs["instanceType"],
                KeyName: inputs["keyName"],
                PrivateIpAddress: inputs["privateIp"],
                SubnetId: inputs["subnetId"],
                SecurityGroupIds: inputs["vpcSecurityGroupIds"],
                UserData: base64(inputs["userData"]),
                IamInstanceProfile: inputs["iamInstanceProfile"] && { Name: inputs["iamInstanceProfile"] },
                LaunchTemplate: template && {
                    LaunchTemplateId: template.id,
                    Version: template.version ?? "$Default",
                },
                TagSpecifications: tagSpecifications("instance", inputs["tags"]),
            } as RunInstancesCommandInput),
        );
        return Instances[0]?.InstanceId ?? "";
    },
    settle: (ec2, id) =>
        until(`${id} is running`, async () => (await find(ec2, id))?.State?.Name === "running"),
    read: async (ec2, id) => {
        const found = await find(ec2, id);
        return (
            found && {
                ami: found.ImageId,
                availabilityZone: found.Placement?.AvailabilityZone,
                instanceState: found.State?.Name,
                instanceType: found.InstanceType,
                keyName: found.KeyName,
                privateDns: found.PrivateDnsName,
                privateIp: found.PrivateIpAddress,
                publicDns: found.PublicDnsName,
                publicIp: found.PublicIpAddress,
                subnetId: found.SubnetId,
                vpcSecurityGroupIds: found.SecurityGroups?.map(({ GroupId }) => GroupId),
                tags: tagMap(found.Tags),
            }
        );
    },
    update: async (ec2, id, olds, news) => {
        const stops = ["iamInstanceProfile", "instanceType", "userData", "vpcSecurityGroupIds"];
        const changed = stops.filter((property) => !isDeepStrictEqual(olds[property], news[property]));
        if (changed.length > 0) {
            throw new Error(`the test plugin cannot change ${changed.join(", ")} of an instance`);
        }
        await updateTags(ec2, id, olds["tags"], news["tags"]);
    },
    delete: async (ec2, id) => {
        await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
        await until(`${id} is terminated`, async () => (await find(ec2, id)) === undefined);
    },
};

/** A terminated one is as good as gone. */
async function find(ec2: EC2Client, id: string): Promise<Instance | undefined> {
    const { Reservations = [] } = await ec2.send(
        new DescribeInstancesCommand({ Filters: [{ Name: "instance-id", Values: [id] }] }),
    );
    const found = Reservations[0]?.Instances?.[0];
    return found?.State?.Name === "terminated" ? undefined : found;
}

function base64(text: unknown): string | undefined {
    return typeof text === "string" ? Buffer.from(text).toString("base64") : undefined;
}
