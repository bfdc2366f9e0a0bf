import {
    DescribeInstancesCommand,
    DescribeVolumesCommand,
    type Instance,
    type InstanceBlockDeviceMapping,
    type Volume,
} from "@aws-sdk/client-ec2";
import { SnapshotError } from "../base/errors";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";
import type { Clients } from "./clients";
import { request } from "./request";

/** A volume of the instance. */
export interface SourceVolume extends Omit<SnapshotInfo, "snapshotId"> {
    readonly multiAttached: boolean;
    /** Tags that AWS would copy. */
    readonly tagKeys: readonly string[];
}

/** The input `volumes`. Default: all of them. */
export interface VolumeSelection {
    readonly excludeBootVolume?: boolean | undefined;
    readonly excludeDataVolumeIds?: readonly string[] | undefined;
}

/** The instance as it is now, with the volumes that are to be snapshotted. */
export interface Source {
    readonly facts: InstanceFacts;
    /** EC2's name of the state: `running`, `stopped`, ... */
    readonly state: string;
    /** When it was started last (EC2 API reference, Instance, `launchTime`). Milliseconds since 1970, by AWS's clock. */
    readonly startedAt?: number | undefined;
    /** Boot volume first, then by device name. */
    readonly volumes: readonly SourceVolume[];
    readonly excluded: readonly SourceVolume[];
}

/** The instance, or undefined when EC2 does not know it. */
export async function findInstance(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<Instance | undefined> {
    try {
        const answer = await request("ec2:DescribeInstances", signal, (abortSignal) =>
            clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }), { abortSignal }),
        );
        return answer.Reservations?.[0]?.Instances?.[0];
    } catch (error) {
        if (error instanceof SnapshotError && error.code === "INSTANCE_NOT_FOUND") {
            return undefined;
        }
        throw error;
    }
}

/** Whether nothing can run, and so nothing be frozen, on an instance in this state; undefined = EC2 does not know it. */
export function cannotBeFrozen(state: string | undefined): boolean {
    return state === undefined || state === "stopped" || state === "terminated";
}

/** Finds the instance and the volumes to snapshot. */
export async function resolveSource(
    clients: Clients,
    accountId: string,
    instanceId: string,
    selection: VolumeSelection | undefined,
    signal: AbortSignal,
): Promise<Source> {
    const instance = await findInstance(clients, instanceId, signal);
    const state = instance?.State?.Name ?? "";
    if (instance === undefined || state === "terminated" || state === "shutting-down") {
        throw new SnapshotError(
            {
                code: "INSTANCE_NOT_FOUND",
                message:
                    instance === undefined
                        ? `There is no such instance in account ${accountId}, region ${clients.region}.`
                        : `The instance is ${state}.`,
                remedy: "Check the instance id, the region and the account.",
            },
            { instanceId, state: "nothing was touched." },
        );
    }
    const volumes = await describeVolumes(clients, instance, signal);
    const excluded = new Set(excludedIds(volumes, selection, instanceId));
    const chosen = volumes.filter((volume) => !excluded.has(volume.volumeId));
    if (chosen.length === 0) {
        throw new SnapshotError(
            {
                code: "NO_VOLUMES",
                message:
                    volumes.length === 0
                        ? "The instance has no EBS volumes."
                        : "`volumes` excludes every volume of the instance.",
                remedy: "Name an instance with EBS volumes, and exclude fewer of them in `volumes`.",
            },
            { instanceId, state: "nothing was touched." },
        );
    }
    return {
        facts: instanceFacts(instance, accountId, clients.region),
        state,
        startedAt: instance.LaunchTime?.getTime(),
        volumes: chosen,
        excluded: volumes.filter((volume) => excluded.has(volume.volumeId)),
    };
}

async function describeVolumes(
    clients: Clients,
    instance: Instance,
    signal: AbortSignal,
): Promise<SourceVolume[]> {
    const mappings = (instance.BlockDeviceMappings ?? []).filter((mapping) => mapping.Ebs?.VolumeId);
    const ids = mappings.flatMap((mapping) => mapping.Ebs?.VolumeId ?? []);
    if (ids.length === 0) {
        return [];
    }
    const answer = await request("ec2:DescribeVolumes", signal, (abortSignal) =>
        clients.ec2.send(new DescribeVolumesCommand({ VolumeIds: ids }), { abortSignal }),
    );
    const byId = new Map(answer.Volumes?.map((volume) => [volume.VolumeId, volume]));
    return mappings
        .map((mapping) => sourceVolume(mapping, byId.get(mapping.Ebs?.VolumeId), instance.RootDeviceName))
        .sort(bootFirst);
}

function sourceVolume(
    mapping: InstanceBlockDeviceMapping,
    volume: Volume | undefined,
    rootDeviceName: string | undefined,
): SourceVolume {
    return {
        volumeId: mapping.Ebs?.VolumeId ?? "",
        deviceName: mapping.DeviceName ?? "",
        boot: mapping.DeviceName === rootDeviceName,
        sizeGiB: volume?.Size ?? 0,
        volumeType: volume?.VolumeType ?? "",
        ...defined({ iops: volume?.Iops, throughput: volume?.Throughput, kmsKeyId: volume?.KmsKeyId }),
        encrypted: volume?.Encrypted ?? false,
        deleteOnTermination: mapping.Ebs?.DeleteOnTermination ?? false,
        multiAttached: (volume?.Attachments?.length ?? 0) > 1,
        tagKeys: (volume?.Tags ?? [])
            .flatMap((tag) => tag.Key ?? [])
            .filter((key) => !key.startsWith("aws:")),
    };
}

/** The order of the outputs: boot volume first, then by device name. */
export function bootFirst(
    a: { boot: boolean; deviceName: string },
    b: { boot: boolean; deviceName: string },
): number {
    return Number(b.boot) - Number(a.boot) || a.deviceName.localeCompare(b.deviceName, "en");
}

function excludedIds(
    volumes: readonly SourceVolume[],
    selection: VolumeSelection | undefined,
    instanceId: string,
): string[] {
    const excluded = selection?.excludeDataVolumeIds ?? [];
    for (const [index, id] of excluded.entries()) {
        const volume = volumes.find((candidate) => candidate.volumeId === id);
        if (volume === undefined || volume.boot) {
            throw new SnapshotError(
                {
                    code: "INVALID_INPUT",
                    message: `volumes.excludeDataVolumeIds[${index}]: ${id} ${
                        volume === undefined ? "is not attached to the instance" : "is the boot volume"
                    }.`,
                    remedy: "Name data volumes of this instance; the boot volume is left out by `excludeBootVolume: true`.",
                },
                { instanceId, state: "nothing was touched." },
            );
        }
    }
    const boot = selection?.excludeBootVolume ? volumes.filter((volume) => volume.boot) : [];
    return [...excluded, ...boot.map((volume) => volume.volumeId)];
}

export function instanceFacts(instance: Instance, accountId: string, region: string): InstanceFacts {
    return {
        instanceId: instance.InstanceId ?? "",
        platform: instance.Platform?.toLowerCase() === "windows" ? "windows" : "linux",
        productCodes: (instance.ProductCodes ?? []).map((code) => ({
            productCodeId: code.ProductCodeId ?? "",
            productCodeType: code.ProductCodeType ?? "",
        })),
        ...defined({
            platformDetails: instance.PlatformDetails,
            usageOperation: instance.UsageOperation,
            architecture: instance.Architecture,
            rootDeviceName: instance.RootDeviceName,
            virtualizationType: instance.VirtualizationType,
            enaSupport: instance.EnaSupport,
            sriovNetSupport: instance.SriovNetSupport,
            bootMode: instance.BootMode,
            currentInstanceBootMode: instance.CurrentInstanceBootMode,
            tpmSupport: instance.TpmSupport,
            imageId: instance.ImageId,
            instanceType: instance.InstanceType,
            availabilityZone: instance.Placement?.AvailabilityZone,
        }),
        region,
        accountId,
    };
}

/** The same object without the properties that have no value: Pulumi's protocol has no undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
    const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
    return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
