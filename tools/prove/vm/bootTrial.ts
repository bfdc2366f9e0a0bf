import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence, SnapshotInfo } from "../../../index";
import { succeeded } from "../../../lab/engine/e2e";
import type { Machine } from "../../../lab/machine/machine";
import { judge, type Verdict } from "../verdict";
import { type Copy, lookAtCopy } from "./lookAtCopy";
import type { MachineLab } from "./machineLab";
import { type Logs, MachineWriters } from "./machineWriters";
import { patiently } from "./patiently";
import { programOf } from "./program";
import type { Scene } from "./series";
import { xfsNeedsReplay } from "./xfsReplay";

/** Each set is taken at a random moment within that time. */
const RANDOM_MS = 3_000;
const WRITTEN = 20;
/** One `pulumi up`, with a set and an image. */
export const UP_LIMIT_MS = 900_000;

/** What a machine that booted from a set was found to be. */
export interface BootResult {
    readonly level: string;
    readonly vouchedBy: string;
    readonly reason?: string;
    readonly freezeWindowMs?: number;
    readonly quiescedMs?: number;
    /** From RunInstances to a login, in seconds. */
    readonly bootSeconds?: number;
    /** From RunInstances until all was looked at. */
    readonly recoverySeconds?: number;
    /** Tries before, for which the machine was too slow. */
    readonly refused?: number;
    readonly rootReplayed: boolean;
    readonly database: Verdict;
    readonly files: Verdict;
}

/** Takes sets of the machine under load, and boots a machine from the image of each. */
export class BootTrials implements Scene<number> {
    private constructor(
        private readonly lab: MachineLab,
        private readonly writers: MachineWriters,
        private readonly tell: (result: BootResult) => void,
    ) {}

    static async begin(lab: MachineLab, tell: (result: BootResult) => void): Promise<BootTrials> {
        await lab.machine.ready();
        await lab.machine.booted();
        return new BootTrials(lab, new MachineWriters(lab.machine), tell);
    }

    /** One `up`, and one boot of what it made. */
    async take(run: number): Promise<void> {
        const { lab, writers } = this;
        const { project, instance, machine } = lab;
        writers.resume();
        await writers.progress(WRITTEN);
        await sleep(Math.random() * RANDOM_MS);
        project.setProgram(programOf({ instanceId: instance.instanceId, machine, run }));
        const { result, refused } = await patiently(() => project.up({ limitMs: UP_LIMIT_MS }));
        succeeded(result);
        // It is awake: they go on.
        await writers.progress(1);
        writers.pause();
        this.tell({ ...(await bootImage(lab, writers)), refused });
    }

    async close(): Promise<void> {
        await this.writers.stop();
    }
}

interface Outputs {
    readonly id: string;
    readonly snapshots: SnapshotInfo[];
    readonly consistencyLevel: string;
    readonly evidence: Evidence;
    readonly imageId: string;
}

/**
 * Boots a machine from the image that the stack has now, looks at it, and terminates it. The original stands still
 * meanwhile: two emulated machines are more than a small machine can run.
 */
export async function bootImage(lab: MachineLab, { logs }: MachineWriters): Promise<BootResult> {
    await lab.machine.pause();
    try {
        return await lookAtImage(lab, logs);
    } finally {
        await lab.machine.resume();
    }
}

async function lookAtImage(lab: MachineLab, logs: Logs): Promise<BootResult> {
    const outputs = (await lab.project.outputs()) as unknown as Outputs;
    const { evidence } = outputs;
    const launchedAt = performance.now();
    const copy = await lab.launch(outputs.imageId);
    const since = () => (performance.now() - launchedAt) / 1000;
    try {
        await copy.ready();
        const bootSeconds = since();
        const failed = await copy.booted();
        const seen = await lookAtCopy(copy, outputs.id);
        const recoverySeconds = since();
        const moments = momentsOf(evidence);
        const fileSystems = await fileSystemsOf(lab, outputs.snapshots, seen, failed);
        return {
            level: outputs.consistencyLevel,
            vouchedBy: evidence.vouchedBy ?? "nobody",
            ...(evidence.reason === undefined ? {} : { reason: evidence.reason }),
            ...(evidence.freezeWindowMs === undefined ? {} : { freezeWindowMs: evidence.freezeWindowMs }),
            ...(evidence.quiescedMs === undefined ? {} : { quiescedMs: evidence.quiescedMs }),
            bootSeconds,
            recoverySeconds,
            rootReplayed: seen.boot.rootReplayed,
            database: judge(moments, logs.database, seen.database, fileSystems, seen.foreign),
            files: judge(moments, logs.files, seen.files, [], []),
        };
    } finally {
        await endCopy(lab, copy);
    }
}

function momentsOf(evidence: Evidence) {
    const requestedAt = Date.parse(evidence.requestedAt ?? "");
    return {
        heldFrom: evidence.frozenAt === undefined ? requestedAt : Date.parse(evidence.frozenAt),
        requestedAt,
    };
}

async function fileSystemsOf(
    { store, instance }: MachineLab,
    snapshots: readonly SnapshotInfo[],
    { boot }: Copy,
    failed: readonly string[],
) {
    const ofLog = snapshots.find(({ volumeId }) => volumeId === instance.volumeIds.at(-1));
    if (ofLog === undefined) {
        throw new Error("the set has no snapshot of the last volume");
    }
    return [
        {
            needsReplay: !boot.dataIsClean,
            problems: [...boot.problems, ...failed.map((unit) => `failed: ${unit}`)],
        },
        { needsReplay: await xfsNeedsReplay(store, ofLog.snapshotId), problems: [] },
    ];
}

async function endCopy(lab: MachineLab, copy: Machine): Promise<void> {
    await lab.terminate(copy);
    await copy.stop();
}
