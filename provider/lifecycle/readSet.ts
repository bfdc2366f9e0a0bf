import type { Instance, Snapshot } from "@aws-sdk/client-ec2";
import { type Clients, accountOf } from "../aws/clients";
import { findImage, imageFailure } from "../aws/images";
import { bootFirst, findInstance, instanceFacts } from "../aws/instance";
import { describeSnapshots, findSet, imagesOf } from "../aws/snapshots";
import { APP_CONSISTENT, VSS_DEVICE, tagKeys, tagOf } from "../aws/tags";
import { SnapshotError } from "../base/errors";
import type { ConsistencyLevel, Evidence } from "../base/evidence";
import { type FoundSet, foundSet, lossOf, missing, sizeOf } from "./foundSet";
import type { SnapshotInfo } from "../base/outputs";
import type { SnapshotState } from "../run/state";

/** What of a set is lost, and how; undefined when none of it is left. */
export async function readSet(
    clients: Clients,
    state: Pick<SnapshotState, "snapshotIds" | "thawPending" | "imageId">,
    signal: AbortSignal,
): Promise<string[] | undefined> {
    const found = await describeSnapshots(clients, state.snapshotIds, signal);
    if (found.length === 0 && state.snapshotIds.length > 0 && !state.thawPending) {
        return undefined;
    }
    return [...lostOf(state.snapshotIds, found), ...(await lostImage(clients, state.imageId, signal))];
}

async function lostImage(
    clients: Clients,
    imageId: string | undefined,
    signal: AbortSignal,
): Promise<string[]> {
    if (imageId === undefined) {
        return [];
    }
    const image = await findImage(clients, imageId, signal);
    return image === undefined ? [`${imageId} was deregistered`] : [imageFailure(image) ?? []].flat();
}

/** What is wrong with each snapshot that is not whole any more, and with the number of all. */
export function lostOf(ids: readonly string[], found: readonly Snapshot[]): string[] {
    const byId = new Map(found.map((snapshot) => [snapshot.SnapshotId, snapshot]));
    const lost = ids.flatMap((id) => {
        const snapshot = byId.get(id);
        return snapshot === undefined ? [`${id} was deleted`] : lossOf(snapshot);
    });
    return [...lost, ...missing(ids.length, sizeOf(found))];
}

/** `AppConsistentSnapshot.get`: finds a set by its execution's tag. */
export async function adoptSet(
    clients: Clients,
    executionId: string,
    signal: AbortSignal,
): Promise<SnapshotState> {
    return await stateOfFound(
        clients,
        executionId,
        foundSet(await findSet(clients, executionId, signal)),
        signal,
    );
}

/**
 * The state of a set that was found by its execution's tag. What only the run itself saw is left out.
 * @throws SnapshotError `INVALID_INPUT` when nothing was found
 */
export async function stateOfFound(
    clients: Clients,
    executionId: string,
    { members, lost, level, reason, message }: FoundSet,
    signal: AbortSignal,
): Promise<SnapshotState> {
    const [first] = members;
    if (first === undefined) {
        throw new SnapshotError({
            code: "INVALID_INPUT",
            message: `There is no set of snapshots with the execution id ${executionId} in ${clients.region}.`,
            remedy: "Check the id (acs-..., the resource's id), the region and the account.",
        });
    }
    const instanceId = tagOf(first, tagKeys.instance) ?? "";
    const instance = instanceId === "" ? undefined : await findInstance(clients, instanceId, signal);
    const devices = devicesOf(instance);
    const snapshots = members.map((snapshot) => adopted(snapshot, devices)).sort(bootFirst);
    const startTime = members.flatMap((snapshot) => snapshot.StartTime?.toISOString() ?? []).sort()[0] ?? "";
    const imageId = await ownImage(clients, executionId, members, signal);
    return {
        snapshotIds: snapshots.map((snapshot) => snapshot.snapshotId),
        snapshots,
        consistencyLevel: level,
        evidence: {
            ...vouchedFor(level, imageId !== undefined || isByVss(first)),
            executionId,
            ...(reason === undefined ? {} : { reason }),
            message,
            completion: members.every((snapshot) => snapshot.State === "completed") ? "completed" : "pending",
        },
        instance: instanceFacts(
            instance ?? { InstanceId: instanceId },
            await accountOf(clients, signal),
            clients.region,
        ),
        thawPending: members.some((snapshot) => tagOf(snapshot, tagKeys.thaw) === "pending"),
        startTime,
        quiesced: { method: "" },
        recorded: members.every((snapshot) => tagOf(snapshot, tagKeys.state) === "complete"),
        unfinished: false,
        lost,
        ...(imageId === undefined ? {} : { imageId }),
    };
}

/** With scripts a user may have a tag of one of these names. Behind an image there may be neither. */
function isByVss(snapshot: Snapshot): boolean {
    return [APP_CONSISTENT, VSS_DEVICE].every((key) => tagOf(snapshot, key) !== undefined);
}

/** Whether VSS vouched is in the level; only VSS makes an image. Nothing tells by whom `crash` was not vouched for. */
function vouchedFor(level: ConsistencyLevel, byVss: boolean): Pick<Evidence, "method" | "vouchedBy"> {
    if (byVss) {
        return { method: "vss", ...(level === "crash" ? {} : { vouchedBy: "vss" }) };
    }
    return level === "crash" ? {} : { method: "hooks" };
}

/** The image that the execution made of its set, not one that somebody made of it later. */
async function ownImage(
    clients: Clients,
    executionId: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
): Promise<string | undefined> {
    const ids = snapshots.flatMap((snapshot) => snapshot.SnapshotId ?? []);
    const images = await imagesOf(clients, ids, signal);
    return images.find((image) => tagOf(image, tagKeys.execution) === executionId)?.ImageId;
}

type Devices = Map<string, { deviceName: string; boot: boolean; deleteOnTermination: boolean }>;

/** Where the volumes are attached today; a volume that is not any more has no device. */
function devicesOf(instance: Instance | undefined): Devices {
    return new Map(
        (instance?.BlockDeviceMappings ?? []).map((mapping) => [
            mapping.Ebs?.VolumeId ?? "",
            {
                deviceName: mapping.DeviceName ?? "",
                boot: mapping.DeviceName === instance?.RootDeviceName,
                deleteOnTermination: mapping.Ebs?.DeleteOnTermination ?? false,
            },
        ]),
    );
}

function adopted(snapshot: Snapshot, devices: Devices): SnapshotInfo {
    const device = devices.get(snapshot.VolumeId ?? "");
    return {
        snapshotId: snapshot.SnapshotId ?? "",
        volumeId: snapshot.VolumeId ?? "",
        deviceName: device?.deviceName ?? "",
        boot: device?.boot ?? false,
        sizeGiB: snapshot.VolumeSize ?? 0,
        volumeType: "",
        encrypted: snapshot.Encrypted ?? false,
        ...(snapshot.KmsKeyId === undefined ? {} : { kmsKeyId: snapshot.KmsKeyId }),
        deleteOnTermination: device?.deleteOnTermination ?? false,
    };
}
