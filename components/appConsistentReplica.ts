import { AmiCopy, Instance, LaunchTemplate } from "@pulumi/aws/ec2";
import { ComponentResource, all, output } from "@pulumi/pulumi";
import type { ComponentResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { AppConsistentSnapshot } from "../provider/appConsistentSnapshot";
import type { ConsistencyLevel } from "../provider/evidence";
import { AppConsistentAmi } from "./appConsistentAmi";
import { copyName } from "./copyName";
import { originTags } from "./originTags";

/** How the replica is launched, in its own region. */
export interface LaunchArgs {
    instanceType: Input<string>;
    subnetId: Input<string>;
    vpcSecurityGroupIds: Input<Input<string>[]>;
    /** Name or ARN of an instance profile. */
    iamInstanceProfile?: Input<string>;
    /** Name of an EC2 key pair. */
    keyName?: Input<string>;
    /** Address in `subnetId`; free when the replica is activated. Default: one that EC2 chooses. */
    privateIp?: Input<string>;
    /** In plain text. */
    userData?: Input<string>;
}

export interface AppConsistentReplicaArgs {
    /** The set to make the replica of. */
    snapshot: AppConsistentSnapshot;
    /** Where the replica is kept. Default: the snapshots' region. */
    region?: string;
    /** ARN of the KMS key, in `region`, that the replica is encrypted with. Default: the account's default for EBS. */
    kmsKeyId?: Input<string>;
    launch: LaunchArgs;
    /** Starts the replica. Default false: nothing runs. */
    activate?: boolean;
}

/**
 * Everything needed to run a copy of the server elsewhere: an encrypted copy of its image, which owns its snapshots, and
 * a launch template. Nothing runs until `activate`.
 */
export class AppConsistentReplica extends ComponentResource {
    /** The copy. */
    public readonly imageId: Output<string>;
    /** Its default version launches the copy. */
    public readonly launchTemplateId: Output<string>;
    /** Undefined unless activated. */
    public readonly instanceId: Output<string | undefined>;
    /** Undefined unless activated. */
    public readonly privateIp: Output<string | undefined>;
    /** That of the set. */
    public readonly consistencyLevel: Output<ConsistencyLevel>;

    /** @throws Error that names the input to change, when there can be no image. */
    constructor(name: string, args: AppConsistentReplicaArgs, opts?: ComponentResourceOptions) {
        super("app-consistent-snapshot:index:AppConsistentReplica", name, {}, opts);
        const { snapshot, kmsKeyId, launch } = args;
        const source = new AppConsistentAmi(name, { snapshot }, { parent: this });
        const region = args.region ?? snapshot.instance.region;
        const tags = originTags(snapshot, { Name: name });
        const copy = new AmiCopy(
            name,
            {
                name: all([snapshot.id, output(kmsKeyId)]).apply(([id, key]) => copyName(name, id, key)),
                region,
                sourceAmiId: source.imageId,
                sourceAmiRegion: snapshot.instance.region,
                encrypted: true,
                ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
                tags,
            },
            { parent: this },
        );
        const template = new LaunchTemplate(
            name,
            {
                region,
                imageId: copy.id,
                updateDefaultVersion: true,
                instanceType: launch.instanceType,
                networkInterfaces: [networkInterface(launch)],
                ...(launch.iamInstanceProfile === undefined
                    ? {}
                    : { iamInstanceProfile: output(launch.iamInstanceProfile).apply(profileReference) }),
                ...(launch.keyName === undefined ? {} : { keyName: launch.keyName }),
                ...(launch.userData === undefined ? {} : { userData: output(launch.userData).apply(base64) }),
                tags,
            },
            { parent: this },
        );
        const instance =
            args.activate === true ? this.activated(name, template, launch, region, tags) : undefined;
        this.imageId = copy.id;
        this.launchTemplateId = template.id;
        this.instanceId = output(instance?.id);
        this.privateIp = output(instance?.privateIp);
        this.consistencyLevel = snapshot.consistencyLevel;
        this.registerOutputs({
            imageId: this.imageId,
            launchTemplateId: this.launchTemplateId,
            instanceId: this.instanceId,
            privateIp: this.privateIp,
            consistencyLevel: this.consistencyLevel,
        });
    }

    /**
     * Once it runs it holds data of its own: a newer image, another template or other tags must not replace it. Only
     * `activate: false` ends it.
     */
    private activated(
        name: string,
        template: LaunchTemplate,
        launch: LaunchArgs,
        region: Input<string>,
        tags: Output<Record<string, string>>,
    ): Instance {
        return new Instance(
            name,
            {
                region,
                launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
                tags,
            },
            {
                parent: this,
                ignoreChanges: ["launchTemplate", "tags"],
                // Two instances cannot have one address.
                deleteBeforeReplace: launch.privateIp !== undefined,
            },
        );
    }
}

/** In the template, not in the instance, so that the template alone launches the replica. */
function networkInterface({ subnetId, vpcSecurityGroupIds, privateIp }: LaunchArgs) {
    return {
        deviceIndex: 0,
        deleteOnTermination: "true",
        subnetId,
        securityGroups: vpcSecurityGroupIds,
        ...(privateIp === undefined ? {} : { privateIpAddress: privateIp }),
    };
}

function profileReference(profile: string): { arn: string } | { name: string } {
    return profile.startsWith("arn:") ? { arn: profile } : { name: profile };
}

function base64(text: string): string {
    return Buffer.from(text, "utf8").toString("base64");
}
