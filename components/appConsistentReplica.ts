import type { AmiCopy, Instance, LaunchTemplate } from "@pulumi/aws/ec2";
import { ComponentResource, all, output } from "@pulumi/pulumi";
import type { ComponentResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { LaunchArgs } from "../provider/program/launchArgs";
import type { SnapshotSet } from "../provider/program/snapshotSet";
import type { ConsistencyLevel } from "../provider/base/evidence";
import { AppConsistentAmi } from "./appConsistentAmi";
import { assertArgs, replicaProblem } from "./argsProblem";
import { awsEc2 } from "./awsEc2";
import { copyName } from "./copyName";
import { originTags } from "./originTags";
import { urnOf } from "./urnOf";

/** Inputs of an AppConsistentReplica. */
export interface AppConsistentReplicaArgs {
    /** The set to make the replica of. */
    snapshot: SnapshotSet;
    /** Where the replica is kept. Default: the snapshots' region. */
    region?: string | undefined;
    /** ARN of the KMS key, in `region`, that the replica is encrypted with. Default: the account's default for EBS. */
    kmsKeyId?: Input<string> | undefined;
    /** How the replica is launched. */
    launch: LaunchArgs;
    /** Starts the replica. Default false: nothing runs. */
    activate?: boolean | undefined;
}

/**
 * Everything needed to run a copy of the server elsewhere: an encrypted copy of its image, which owns its snapshots, and
 * a launch template. Nothing runs until `activate`.
 *
 * Its type, for `--target`, transforms and policies: `app-consistent-snapshot:index:AppConsistentReplica`.
 *
 * @example
 * const snapshot = new AppConsistentSnapshot("nightly", { instanceId: server.id, quiesce: { method: "none" } });
 * const standby = new AppConsistentReplica("standby", {
 *     snapshot,
 *     region: "eu-west-1",
 *     launch: { instanceType: "m7i.large", subnetId: "subnet-0123456789abcdef0", vpcSecurityGroupIds: ["sg-0123456789abcdef0"] },
 *     activate: config.getBoolean("failOver"),
 * });
 * export const address = standby.privateIp;
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
        assertArgs(`${COMPONENT} "${name}"`, replicaProblem(args, opts));
        super("app-consistent-snapshot:index:AppConsistentReplica", name, {}, opts);
        const { snapshot, launch } = args;
        const place = {
            region: args.region ?? snapshot.instance.region,
            tags: originTags(snapshot, { Name: name }),
        };
        const copy = this.copy(name, args, place);
        const template = this.template(name, copy.id, launch, place);
        const instance = args.activate === true ? this.instance(name, template, launch, place) : undefined;
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

    /** Also in the same region: the replica owns its snapshots, under its own key. */
    private copy(name: string, { snapshot, kmsKeyId }: AppConsistentReplicaArgs, place: Place): AmiCopy {
        const { AmiCopy } = awsEc2(COMPONENT);
        const source = new AppConsistentAmi(name, { snapshot }, { parent: this });
        return new AmiCopy(
            name,
            {
                ...place,
                name: all([snapshot.id, source.imageId, place.region, kmsKeyId, urnOf(this)]).apply(
                    ([id, sourceImageId, region, key, urn]) =>
                        copyName(name, id, { sourceImageId, region, kmsKeyId: key, urn }),
                ),
                sourceAmiId: source.imageId,
                sourceAmiRegion: snapshot.instance.region,
                encrypted: true,
                kmsKeyId,
            },
            { parent: this, customTimeouts: { create: COPY_LIMIT } },
        );
    }

    /** Holds all that a launch needs, so that the template alone launches the replica, also by hand. */
    private template(
        name: string,
        imageId: Output<string>,
        launch: LaunchArgs,
        place: Place,
    ): LaunchTemplate {
        const { LaunchTemplate } = awsEc2(COMPONENT);
        return new LaunchTemplate(
            name,
            {
                ...place,
                imageId,
                updateDefaultVersion: true,
                instanceType: launch.instanceType,
                networkInterfaces: [
                    {
                        deviceIndex: 0,
                        deleteOnTermination: "true",
                        subnetId: launch.subnetId,
                        securityGroups: launch.vpcSecurityGroupIds,
                        privateIpAddress: launch.privateIp,
                    },
                ],
                iamInstanceProfile: mapped(launch.iamInstanceProfile, profileReference),
                keyName: launch.keyName,
                userData: mapped(launch.userData, base64),
                metadataOptions: METADATA_OPTIONS,
            },
            { parent: this },
        );
    }

    /**
     * Once it runs it holds data of its own: a newer image, another template or other tags must not replace it, nor a
     * region that a preview does not know, as it is that of a snapshot which is about to be taken. Only
     * `activate: false` ends it.
     */
    private instance(name: string, template: LaunchTemplate, launch: LaunchArgs, place: Place): Instance {
        const { Instance } = awsEc2(COMPONENT);
        return new Instance(
            name,
            { ...place, launchTemplate: { id: template.id, version: template.latestVersion.apply(String) } },
            {
                parent: this,
                ignoreChanges: ["launchTemplate", "tags", "region"],
                // Two instances cannot have one address.
                deleteBeforeReplace: launch.privateIp !== undefined,
            },
        );
    }
}

const COMPONENT = "AppConsistentReplica";

/** Of everything that belongs to a replica. */
interface Place {
    readonly region: Input<string>;
    readonly tags: Output<Record<string, string>>;
}

/** EC2 copies to another region for hours; the provider's own limit is 40 minutes. */
const COPY_LIMIT = "24h";

/**
 * Session tokens (IMDSv2) are required, because organisations deny RunInstances without them (IAM User Guide and
 * AWS Organizations User Guide, example policies with `ec2:MetadataHttpTokens`), and a fail-over is no time to find that
 * out. Two hops, because EC2's default of one keeps the answer from containers behind a bridge, which would then be
 * without the instance's role (EC2 User Guide, "Configure the Instance Metadata Service options"). The AWS provider
 * sends the other two only beside `httpEndpoint`.
 */
const METADATA_OPTIONS = { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 2 };

function mapped<T>(value: Input<string> | undefined, map: (text: string) => T): Output<T> | undefined {
    return value === undefined ? undefined : output(value).apply(map);
}

function profileReference(profile: string): { arn: string } | { name: string } {
    return profile.startsWith("arn:") ? { arn: profile } : { name: profile };
}

function base64(text: string): string {
    return Buffer.from(text, "utf8").toString("base64");
}
