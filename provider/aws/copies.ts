import {
    DeleteVolumeCommand,
    type Instance,
    RunInstancesCommand,
    type RunInstancesCommandInput,
    TerminateInstancesCommand,
    type Volume,
    paginateDescribeInstances,
    paginateDescribeVolumes,
} from "@aws-sdk/client-ec2";
import { type Failure, SnapshotError } from "../base/errors";
import type { Waiting } from "../base/log";
import { poll } from "../base/poll";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { findInstance } from "./instance";
import { CAPACITY, launchFailure } from "./launchFailure";
import { awsErrorName, request } from "./request";
import { tagList } from "./setTags";
import { leaseOf, tagFilter, tagKeys, tagOf } from "./tags";

/** How a copy is launched. */
export interface Launch {
    readonly instanceType: string;
    readonly subnetId: string;
    readonly vpcSecurityGroupIds: readonly string[];
    readonly iamInstanceProfile?: string | undefined;
    readonly keyName?: string | undefined;
    readonly privateIp?: string | undefined;
    readonly userData?: string | undefined;
    readonly metadataOptions?: MetadataOptions | undefined;
}

interface MetadataOptions {
    readonly httpEndpoint?: "enabled" | "disabled" | undefined;
    readonly httpTokens?: "required" | "optional" | undefined;
    readonly httpPutResponseHopLimit?: number | undefined;
}

/** What RunInstances is asked for. */
export interface CopyRequest {
    readonly executionId: string;
    readonly imageId?: string | undefined;
    readonly launchTemplate?: { readonly id: string; readonly version?: string | undefined } | undefined;
    readonly launch: Launch;
    readonly tags: Readonly<Record<string, string>>;
}

/** A copy of an earlier run, or what is left of one. */
export interface EarlierCopy {
    readonly executionId: string;
    /** Those that are not terminated. */
    readonly instanceIds: readonly string[];
    readonly volumeIds: readonly string[];
    /** Its run was told to leave it. */
    readonly kept: boolean;
    /** Milliseconds since 1970; undefined when there is none that can be read. */
    readonly lease: number | undefined;
}

/**
 * What the request says goes before what a launch template says: no template can protect a copy from being terminated,
 * or put it into another network. What is protected from being stopped cannot be terminated either (EC2 User Guide,
 * "Enable stop protection"). A copy that shuts itself down is terminated, and does not stay.
 */
export function copyInput({ executionId, imageId, launchTemplate, launch, tags }: CopyRequest) {
    const { metadataOptions, iamInstanceProfile, keyName, privateIp, userData } = launch;
    return {
        MinCount: 1,
        MaxCount: 1,
        // One that is sent again launches no second copy (EC2 API reference, "Ensuring idempotency").
        ClientToken: executionId,
        ...(imageId === undefined ? {} : { ImageId: imageId }),
        ...(launchTemplate === undefined
            ? {}
            : {
                  LaunchTemplate: {
                      LaunchTemplateId: launchTemplate.id,
                      Version: launchTemplate.version ?? "$Default",
                  },
              }),
        InstanceType: launch.instanceType as RunInstancesCommandInput["InstanceType"],
        NetworkInterfaces: [
            {
                DeviceIndex: 0,
                DeleteOnTermination: true,
                SubnetId: launch.subnetId,
                Groups: [...launch.vpcSecurityGroupIds],
                ...(privateIp === undefined ? {} : { PrivateIpAddress: privateIp }),
            },
        ],
        ...(iamInstanceProfile === undefined
            ? {}
            : {
                  IamInstanceProfile: iamInstanceProfile.startsWith("arn:")
                      ? { Arn: iamInstanceProfile }
                      : { Name: iamInstanceProfile },
              }),
        ...(keyName === undefined ? {} : { KeyName: keyName }),
        ...(userData === undefined ? {} : { UserData: Buffer.from(userData, "utf8").toString("base64") }),
        MetadataOptions: {
            HttpEndpoint: metadataOptions?.httpEndpoint ?? "enabled",
            HttpTokens: metadataOptions?.httpTokens ?? "required",
            HttpPutResponseHopLimit: metadataOptions?.httpPutResponseHopLimit ?? 2,
        },
        DisableApiTermination: false,
        DisableApiStop: false,
        InstanceInitiatedShutdownBehavior: "terminate",
        TagSpecifications: (["instance", "volume"] as const).map((ResourceType) => ({
            ResourceType,
            Tags: tagList(tags),
        })),
    } satisfies RunInstancesCommandInput;
}

/**
 * Launches it.
 * @returns its id
 * @throws SnapshotError that says whether there may be one
 */
export async function launchCopy(clients: Clients, copy: CopyRequest, signal: AbortSignal): Promise<string> {
    let launched: Instance | undefined;
    try {
        const { Instances } = await request("ec2:RunInstances", signal, (abortSignal) =>
            clients.ec2.send(new RunInstancesCommand(copyInput(copy)), { abortSignal }),
        );
        launched = Instances?.[0];
    } catch (error) {
        signal.throwIfAborted();
        throw new SnapshotError(launchFailure(error), { cause: error });
    }
    if (launched?.InstanceId === undefined) {
        throw new SnapshotError(launchFailure(new Error("EC2's answer names no instance")));
    }
    return launched.InstanceId;
}

/** Waits until EC2 says that it runs. @throws SnapshotError `LAUNCH_FAILED`, `BOOT_TIMEOUT` */
export async function untilRunning(
    clients: Clients,
    instanceId: string,
    { deadline, log, signal }: Waiting & { readonly deadline: number },
): Promise<Instance> {
    const running = await poll(
        async () => {
            // A new one may not be known yet (EC2 API reference, "Eventual consistency").
            const instance = await findInstance(clients, instanceId, signal);
            const ended = instance && endOf(instance);
            if (ended !== undefined) {
                throw new SnapshotError(ended, { instanceId });
            }
            return instance?.State?.Name === "running" ? instance : undefined;
        },
        {
            deadline,
            interval: timing.copyLookMs,
            signal,
            onWait: () => log(`waiting for EC2 to start ${instanceId}`, "status"),
        },
    );
    if (running === undefined) {
        throw new SnapshotError(
            {
                code: "BOOT_TIMEOUT",
                message: "EC2 has not started the copy within timeouts.boot.",
                remedy: "Run again; raise timeouts.boot if it goes on.",
            },
            { instanceId },
        );
    }
    return running;
}

/** Whether it is terminated, or about to be. */
export function isEnding({ State }: Instance): boolean {
    return State?.Name === "terminated" || State?.Name === "shutting-down";
}

/** Why a copy is not there any more, or is about to go; undefined: it is there. */
export function endOf({ State, StateReason, StateTransitionReason }: Instance): Failure | undefined {
    const state = State?.Name;
    if (state === undefined || state === "pending" || state === "running") {
        return undefined;
    }
    const why = StateReason?.Message ?? StateTransitionReason;
    return {
        code: "LAUNCH_FAILED",
        message: `The copy is ${state}${why === undefined || why === "" ? "" : `: ${why}`}.`,
        remedy: endRemedy(`${StateReason?.Code ?? ""} ${why ?? ""}`),
    };
}

/** The reasons are those of the EC2 User Guide, "Troubleshoot instance launch issues", "Instance terminates immediately". */
function endRemedy(why: string): string {
    if (/InsufficientInstanceCapacity/.test(why)) {
        return CAPACITY;
    }
    if (/Server\.InternalError/.test(why)) {
        return "EC2 itself has failed. Run again.";
    }
    if (/VolumeLimitExceeded/.test(why)) {
        return "Ask AWS for a higher quota of EBS volumes (Service Quotas), or delete volumes, and run again.";
    }
    if (/kms|InternalError|client error on launch/i.test(why)) {
        return (
            "The usual cause is a KMS key of an encrypted volume: see that it is enabled, and that whoever runs this may " +
            'use it: docs/iam.md, "Encrypted volumes". Then run again.'
        );
    }
    return "See EC2's words. If the system shut itself down, set keepOnFailure, and look at its console.";
}

/** What runs of the same owner have launched, and is not gone. */
export async function findCopies(
    clients: Clients,
    owner: string,
    signal: AbortSignal,
): Promise<EarlierCopy[]> {
    const [instances, volumes] = await Promise.all([
        describeCopies(clients, tagKeys.owner, owner, signal),
        describeVolumes(clients, tagKeys.owner, owner, signal),
    ]);
    return groupCopies(instances, volumes);
}

/** Instances and volumes as the copies that they belong to. */
export function groupCopies(instances: readonly Instance[], volumes: readonly Volume[]): EarlierCopy[] {
    const groups = Map.groupBy([...instances, ...volumes], (made) => tagOf(made, tagKeys.execution) ?? "");
    groups.delete("");
    return [...groups].map(([executionId, made]) => {
        return {
            executionId,
            instanceIds: made.flatMap((one) => ("InstanceId" in one ? (one.InstanceId ?? []) : [])),
            volumeIds: made.flatMap((one) => ("VolumeId" in one ? (one.VolumeId ?? []) : [])),
            kept: made.some((one) => tagOf(one, tagKeys.state) === "kept"),
            lease: leaseOf(made),
        };
    });
}

/** The instances that an execution has launched, and that are not terminated. */
export async function instancesOf(
    clients: Clients,
    executionId: string,
    signal: AbortSignal,
): Promise<string[]> {
    const found = await describeCopies(clients, tagKeys.execution, executionId, signal);
    return found.flatMap(({ InstanceId }) => InstanceId ?? []);
}

async function describeCopies(
    clients: Clients,
    key: string,
    value: string,
    signal: AbortSignal,
): Promise<Instance[]> {
    return await request("ec2:DescribeInstances", signal, async (abortSignal) => {
        const found: Instance[] = [];
        const pages = paginateDescribeInstances(
            { client: clients.ec2 },
            { Filters: [tagFilter(key, value)] },
            { abortSignal },
        );
        for await (const { Reservations = [] } of pages) {
            found.push(...Reservations.flatMap(({ Instances = [] }) => Instances));
        }
        return found.filter((one) => tagOf(one, key) === value && one.State?.Name !== "terminated");
    });
}

async function describeVolumes(
    clients: Clients,
    key: string,
    value: string,
    signal: AbortSignal,
): Promise<Volume[]> {
    return await request("ec2:DescribeVolumes", signal, async (abortSignal) => {
        const found: Volume[] = [];
        const pages = paginateDescribeVolumes(
            { client: clients.ec2 },
            { Filters: [tagFilter(key, value)] },
            { abortSignal },
        );
        for await (const { Volumes = [] } of pages) {
            found.push(...Volumes);
        }
        return found.filter((one) => tagOf(one, key) === value && !GOING.has(one.State ?? ""));
    });
}

const GOING: ReadonlySet<string> = new Set(["deleting", "deleted"]);

/**
 * Asks EC2 to terminate it.
 * @returns false when EC2 does not know it: it is gone, or so new that EC2 does not know it yet
 * @throws SnapshotError `COPY_LEFT` that names it
 */
export async function terminateCopy(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<boolean> {
    try {
        await request("ec2:TerminateInstances", signal, (abortSignal) =>
            clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }), { abortSignal }),
        );
        return true;
    } catch (error) {
        if (awsErrorName(error) === "InvalidInstanceID.NotFound") {
            return false;
        }
        signal.throwIfAborted();
        throw copyLeft(instanceId, error);
    }
}

function copyLeft(instanceId: string, error: unknown): SnapshotError {
    const failure = error instanceof SnapshotError ? error.failure : undefined;
    const isProtected = awsErrorName(error) === "OperationNotPermitted";
    return new SnapshotError(
        {
            code: "COPY_LEFT",
            message: `The copy ${instanceId} could not be terminated: ${failure?.message ?? String(error)}`,
            remedy: isProtected
                ? `Somebody has protected it: aws ec2 modify-instance-attribute --instance-id ${instanceId} ` +
                  `--no-disable-api-termination, the same with --no-disable-api-stop, and run again, which terminates it.`
                : `${failure?.remedy ?? ""} A later run terminates it; or do so by hand: aws ec2 terminate-instances ` +
                  `--instance-ids ${instanceId}.`,
        },
        { instanceId, cause: error },
    );
}

/**
 * Waits until EC2 has terminated them, and deletes the volumes that termination has left.
 * @throws SnapshotError `COPY_LEFT` that names what is there still
 */
export async function untilGone(
    clients: Clients,
    executionId: string,
    instanceIds: readonly string[],
    { log, signal }: Waiting,
): Promise<void> {
    let left: string[] = [];
    const gone = await poll(
        async () => {
            left = await leftOf(clients, executionId, instanceIds, signal);
            return left.length === 0 ? true : undefined;
        },
        {
            deadline: performance.now() + timing.copyGoneMs,
            interval: timing.copyLookMs,
            signal,
            onWait: () => log("waiting for EC2 to terminate the copy", "status"),
        },
    );
    if (gone === undefined) {
        throw new SnapshotError({
            code: "COPY_LEFT",
            message: `EC2 was told to terminate the copy, and still has ${left.join(", ")} after ${timing.copyGoneMs / 60_000} min.`,
            remedy: "Run again, which looks after it; and see what holds it in the EC2 console.",
        });
    }
}

/** Whether the copy, or a volume of it, is there still. */
export async function isCopyThere(
    clients: Clients,
    executionId: string,
    instanceId: string,
    signal: AbortSignal,
): Promise<boolean> {
    const gone = await isGone(clients, instanceId, signal);
    return !gone || (await describeVolumes(clients, tagKeys.execution, executionId, signal)).length > 0;
}

/** Whether EC2 has terminated it; it forgets it some time later. */
async function isGone(clients: Clients, instanceId: string, signal: AbortSignal): Promise<boolean> {
    const state = (await findInstance(clients, instanceId, signal))?.State?.Name;
    return state === undefined || state === "terminated";
}

/** One step: what of a copy is there still. Volumes that nothing uses any more are deleted. */
async function leftOf(
    clients: Clients,
    executionId: string,
    instanceIds: readonly string[],
    signal: AbortSignal,
): Promise<string[]> {
    const instances = await Promise.all(
        instanceIds.map(async (id) => ((await isGone(clients, id, signal)) ? [] : [id])),
    );
    if (instances.flat().length > 0) {
        return instances.flat();
    }
    const volumes = await describeVolumes(clients, tagKeys.execution, executionId, signal);
    const left: string[] = [];
    for (const { VolumeId = "", State = "" } of volumes) {
        if (!DELETABLE.has(State) || !(await deleteVolume(clients, VolumeId, signal))) {
            left.push(VolumeId);
        }
    }
    return left;
}

const DELETABLE: ReadonlySet<string> = new Set(["available", "error"]);
/** EC2 API reference, "Error codes". What Describe told may be older than what Delete knows. */
const STILL_USED: ReadonlySet<string> = new Set(["VolumeInUse", "IncorrectState"]);

/** @returns false when it is still used. @throws SnapshotError `COPY_LEFT` that names it */
async function deleteVolume(clients: Clients, volumeId: string, signal: AbortSignal): Promise<boolean> {
    try {
        await request("ec2:DeleteVolume", signal, (abortSignal) =>
            clients.ec2.send(new DeleteVolumeCommand({ VolumeId: volumeId }), { abortSignal }),
        );
        return true;
    } catch (error) {
        const name = awsErrorName(error);
        if (name === "InvalidVolume.NotFound" || STILL_USED.has(name)) {
            return !STILL_USED.has(name);
        }
        signal.throwIfAborted();
        const { message, remedy } = error instanceof SnapshotError ? error.failure : NO_WORDS;
        throw new SnapshotError(
            {
                code: "COPY_LEFT",
                message: `The copy is terminated, but its volume ${volumeId} could not be deleted: ${message}`,
                remedy:
                    `${remedy} A later run deletes it; or do so by hand: aws ec2 delete-volume --volume-id ` +
                    `${volumeId}.`,
            },
            { cause: error },
        );
    }
}

const NO_WORDS = { message: "EC2 has not said why.", remedy: "" };
