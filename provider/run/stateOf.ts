import type { CreatedSet } from "../aws/createSnapshots";
import { type Source, type SourceVolume, bootFirst } from "../aws/instance";
import type { ProvenLevel } from "../base/consistency";
import type { Evidence } from "../base/evidence";
import type { Capture } from "../quiesce/quiescer";
import type { Run } from "./run";
import type { SnapshotInfo } from "../base/outputs";
import { type SnapshotState, quiesceKey } from "./state";

/** The state after the commit point. */
export function stateOf(
    run: Run,
    source: Source,
    capture: Capture,
    level: ProvenLevel,
    cleanUpProblems: readonly string[],
): SnapshotState {
    const { vouchedLevel: _, reason, message, ...seen } = capture.evidence;
    const snapshots = snapshotInfos(capture.set, source.volumes);
    const messages = [
        message,
        levelMessage(level, message),
        ...cleanUpProblems.map((problem) => cleanUpMessage(run.inputs.quiesce.method, problem)),
    ];
    const told = messages.filter((text) => text !== undefined).join(" ");
    return {
        snapshotIds: snapshots.map((snapshot) => snapshot.snapshotId),
        snapshots,
        consistencyLevel: level.level,
        evidence: {
            ...seen,
            ...reasonOf(level.reason ?? reason, told),
            executionId: run.executionId,
            identity: seen.identity ?? "unverified",
            completion: "pending",
            cleanup: cleanUpProblems.length > 0 ? "failed" : capture.deployed ? "done" : "nothingToDo",
        },
        instance: source.facts,
        thawPending: !capture.awake,
        startTime: startTimeOf(capture.set),
        quiesced: quiesceKey(run.inputs.quiesce),
        recorded: false,
        unfinished: false,
        lost: [],
        ...succession(run),
        ...(capture.imageId === undefined ? {} : { imageId: capture.imageId }),
    };
}

/** What later processes need to know of what this run came after. */
function succession({ healed, known }: Run): Pick<SnapshotState, "healed" | "replaced"> {
    return {
        ...(healed.size === 0 ? {} : { healed: [...healed] }),
        ...(known.size === 0 ? {} : { replaced: [...known] }),
    };
}

/** The state when there is no set, but an instance that may still be frozen. `message`: how it came to that. */
export function emptyState(
    run: Run,
    source: Source,
    { bootId, frozenAt, message }: { bootId: string | undefined; frozenAt?: string; message: string },
): SnapshotState {
    const now = new Date().toISOString();
    return {
        snapshotIds: [],
        snapshots: [],
        consistencyLevel: "crash",
        evidence: {
            method: run.inputs.quiesce.method,
            vouchedBy: "nobody",
            held: false,
            reason: "THAW_PENDING",
            executionId: run.executionId,
            identity: "unverified",
            ...(bootId === undefined ? {} : { bootId }),
            ...(frozenAt === undefined ? {} : { frozenAt }),
            message,
            completion: "pending",
            cleanup: "failed",
        },
        instance: source.facts,
        thawPending: true,
        startTime: now,
        quiesced: quiesceKey(run.inputs.quiesce),
        recorded: true,
        unfinished: false,
        lost: [],
        ...succession(run),
    };
}

function reasonOf(
    reason: ProvenLevel["reason"],
    message: string,
): Pick<SnapshotState["evidence"], "reason" | "message"> {
    return { ...(reason === undefined ? {} : { reason }), ...(message === "" ? {} : { message }) };
}

function levelMessage({ reason }: ProvenLevel, told: string | undefined): string | undefined {
    if (reason === undefined || told !== undefined) {
        return undefined;
    }
    return reasonTexts[reason];
}

const reasonTexts: Partial<Record<NonNullable<ProvenLevel["reason"]>, string>> = {
    STOPPED: "The instance was stopped, and EC2 does not tell whether it was shut down cleanly.",
    MULTI_ATTACH:
        "A volume of the set is attached to other instances too, which may have written to it meanwhile.",
    IDENTITY_UNVERIFIED: "It was not verified that the host behind the address is this instance.",
};

function cleanUpMessage(method: Evidence["method"], problem: string): string {
    const remedy =
        method === "vss"
            ? "The next run removes them. You can also uninstall AwsVssComponents with the document AWS-ConfigureAWSPackage."
            : "When the instance is awake, remove the folder /run/app-consistent-snapshot, or reboot the instance.";
    return `Clean-up failed: ${problem}. ${remedy}`;
}

function startTimeOf({ snapshots, requestedAt }: CreatedSet): string {
    return snapshots.map((snapshot) => snapshot.startTime).sort()[0] ?? requestedAt;
}

function snapshotInfos({ snapshots }: CreatedSet, volumes: readonly SourceVolume[]): SnapshotInfo[] {
    const byVolume = new Map(volumes.map((volume) => [volume.volumeId, volume]));
    return snapshots
        .flatMap(({ snapshotId, volumeId }) => {
            const volume = byVolume.get(volumeId);
            return volume === undefined ? [] : [snapshotInfo(snapshotId, volume)];
        })
        .sort(bootFirst);
}

function snapshotInfo(snapshotId: string, volume: SourceVolume): SnapshotInfo {
    const { multiAttached, tagKeys, ...rest } = volume;
    return { snapshotId, ...rest };
}
