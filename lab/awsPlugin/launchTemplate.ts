import {
    CreateLaunchTemplateCommand,
    CreateLaunchTemplateVersionCommand,
    DeleteLaunchTemplateCommand,
    DescribeLaunchTemplatesCommand,
    DescribeLaunchTemplateVersionsCommand,
    ModifyLaunchTemplateCommand,
    type RequestLaunchTemplateData,
} from "@aws-sdk/client-ec2";
import type { Properties, ResourceKind } from "./resourceKind";
import { tagMap, tagSpecifications, updateTags } from "./tags";

/** What a version is made of: a change of any of it makes a new version. */
const VERSIONED = [
    "imageId",
    "instanceType",
    "keyName",
    "userData",
    "iamInstanceProfile",
    "metadataOptions",
    "networkInterfaces",
    "vpcSecurityGroupIds",
];

export const launchTemplate: ResourceKind = {
    type: "aws:ec2/launchTemplate:LaunchTemplate",
    named: true,
    inputs: {
        ...Object.fromEntries(VERSIONED.map((property) => [property, { change: "update" }])),
        iamInstanceProfile: { change: "update", fields: ["arn", "name"] },
        metadataOptions: {
            change: "update",
            fields: [
                "httpEndpoint",
                "httpProtocolIpv6",
                "httpPutResponseHopLimit",
                "httpTokens",
                "instanceMetadataTags",
            ],
        },
        networkInterfaces: {
            change: "update",
            fields: ["deviceIndex", "deleteOnTermination", "subnetId", "securityGroups", "privateIpAddress"],
        },
        name: { change: "replace" },
        region: { change: "replace" },
        tags: { change: "update" },
        updateDefaultVersion: { change: "update" },
    },
    computed: ["arn", "defaultVersion", "latestVersion"],
    changedByUpdate: ["defaultVersion", "latestVersion"],
    create: async (ec2, inputs) => {
        const { LaunchTemplate } = await ec2.send(
            new CreateLaunchTemplateCommand({
                LaunchTemplateName: String(inputs["name"]),
                LaunchTemplateData: templateData(inputs),
                TagSpecifications: tagSpecifications("launch-template", inputs["tags"]),
            }),
        );
        return LaunchTemplate?.LaunchTemplateId ?? "";
    },
    settle: () => Promise.resolve(),
    read: async (ec2, id) => {
        const { LaunchTemplates = [] } = await ec2.send(
            new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [id] }),
        );
        const [template] = LaunchTemplates;
        if (template === undefined) {
            return undefined;
        }
        const { LaunchTemplateVersions = [] } = await ec2.send(
            new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: ["$Latest"] }),
        );
        const data = LaunchTemplateVersions[0]?.LaunchTemplateData;
        return {
            name: template.LaunchTemplateName,
            defaultVersion: template.DefaultVersionNumber,
            latestVersion: template.LatestVersionNumber,
            imageId: data?.ImageId,
            instanceType: data?.InstanceType,
            keyName: data?.KeyName,
            userData: data?.UserData,
            metadataOptions: data?.MetadataOptions && {
                httpEndpoint: data.MetadataOptions.HttpEndpoint,
                httpProtocolIpv6: data.MetadataOptions.HttpProtocolIpv6,
                httpPutResponseHopLimit: data.MetadataOptions.HttpPutResponseHopLimit,
                httpTokens: data.MetadataOptions.HttpTokens,
                instanceMetadataTags: data.MetadataOptions.InstanceMetadataTags,
            },
            tags: tagMap(template.Tags),
        };
    },
    update: async (ec2, id, olds, news) => {
        if (VERSIONED.some((property) => JSON.stringify(olds[property]) !== JSON.stringify(news[property]))) {
            const { LaunchTemplateVersion } = await ec2.send(
                new CreateLaunchTemplateVersionCommand({
                    LaunchTemplateId: id,
                    LaunchTemplateData: templateData(news),
                }),
            );
            if (news["updateDefaultVersion"] === true) {
                const DefaultVersion = String(LaunchTemplateVersion?.VersionNumber);
                await ec2.send(new ModifyLaunchTemplateCommand({ LaunchTemplateId: id, DefaultVersion }));
            }
        }
        await updateTags(ec2, id, olds["tags"], news["tags"]);
    },
    delete: async (ec2, id) => {
        await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: id }));
    },
};

function templateData(inputs: Properties): RequestLaunchTemplateData {
    const profile = inputs["iamInstanceProfile"] as { arn?: string; name?: string } | undefined;
    const interfaces = (inputs["networkInterfaces"] ?? []) as Properties[];
    return {
        ImageId: inputs["imageId"],
        InstanceType: inputs["instanceType"],
        KeyName: inputs["keyName"],
        UserData: inputs["userData"],
        IamInstanceProfile: profile && { Arn: profile.arn, Name: profile.name },
        SecurityGroupIds: inputs["vpcSecurityGroupIds"],
        MetadataOptions: metadataOptions(inputs["metadataOptions"] as Properties | undefined),
        ...(interfaces.length > 0 && {
            NetworkInterfaces: interfaces.map((one) => ({
                DeviceIndex: one["deviceIndex"],
                DeleteOnTermination: one["deleteOnTermination"] === "true",
                SubnetId: one["subnetId"],
                Groups: one["securityGroups"],
                PrivateIpAddress: one["privateIpAddress"],
            })),
        }),
    } as RequestLaunchTemplateData;
}

/** The real provider leaves out what goes with the endpoint where that is not said to be enabled. */
function metadataOptions(options: Properties | undefined): Properties | undefined {
    return (
        options && {
            HttpEndpoint: options["httpEndpoint"],
            HttpProtocolIpv6: options["httpProtocolIpv6"],
            ...(options["httpEndpoint"] === "enabled" && {
                HttpPutResponseHopLimit: options["httpPutResponseHopLimit"],
                HttpTokens: options["httpTokens"],
                InstanceMetadataTags: options["instanceMetadataTags"],
            }),
        }
    );
}
