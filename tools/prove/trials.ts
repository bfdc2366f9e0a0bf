import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence, SnapshotInfo } from "../../index";
import { connectionOf, startLab, succeeded } from "../../lab/engine/e2e";
import type { Project } from "../../lab/engine/project";
import type { SshHost } from "../../lab/hosts/sshHost";
import { hostRun, mountVolumes, type RestoredVolume, type Volumes } from "../../lab/volumes/volumes";
import type { Application } from "./application";
import { fileSystemStates } from "./fileSystemState";
import { judge, type Moments, type Verdict } from "./verdict";
import { Writers, type WriterLog } from "./writer";

export interface TrialResult {
    readonly level: string;
    readonly vouchedBy: string;
    readonly reason?: string;
    readonly freezeWindowMs?: number;
    readonly verdict: Verdict;
}

export interface TrialOptions {
    readonly application: Application;
    /** With its recipe, or by `{ method: "none" }`: then what is lost or recovered is a finding, and no failure. */
    readonly quiesced: boolean;
    readonly runs: number;
    readonly log?: (line: string) => void;
}

/** Each snapshot is taken at a random moment within that time. */
export const RANDOM_MS = 1_500;
/** No freeze of a run may last so long: then the watchdog thaws. */
export const LONGEST_RUN_S = 180;

/** Takes snapshots of an application that is written to, each by a `pulumi up` of its own, restores and checks each. */
export async function runTrials({ application, quiesced, runs, log }: TrialOptions): Promise<TrialResult[]> {
    const lab = await startLab();
    let volumes: Volumes | undefined;
    let writers: Writers | undefined;
    try {
        const { host, instance } = lab.server;
        volumes = await mountVolumes(lab.cloud, instance, host, application.volumes);
        await application.start(host);
        // What was there long before is on the disk in any case.
        await hostRun(host, `sync -f ${volumes.mountPoints.join(" ")}`);
        writers = Writers.start(host, application);
        const program = (run: number) =>
            programOf(
                instance.instanceId,
                quiesced ? quiesceBy(application, host) : '{ method: "none" }',
                run,
            );
        const project = await lab.project({ program: program(0) });
        const results: TrialResult[] = [];
        for (let run = 1; run <= runs; run += 1) {
            writers.resume();
            await writers.progress(20);
            await sleep(Math.random() * RANDOM_MS);
            project.setProgram(program(run));
            const scene = { application, host, volumes, writers, project };
            const result = await trial(scene).catch(failedUp);
            log?.(
                `${application.name}, ${quiesced ? "recipe" : "none"}, ${run} of ${runs}: ${JSON.stringify(result)}`,
            );
            results.push(result);
        }
        // They go on: nothing is frozen.
        writers.resume();
        await writers.progress(20);
        return results;
    } finally {
        await volumes?.stop();
        await writers?.stop().catch(() => undefined);
        await lab.stop();
    }
}

interface Scene {
    readonly application: Application;
    readonly host: SshHost;
    readonly volumes: Volumes;
    readonly writers: Writers;
    readonly project: Project;
}

/** A finding, too, and no reason to stop. */
function failedUp(error: unknown): TrialResult {
    const verdict = { lost: 0, after: 0, gaps: 0, transactions: 0, replays: 0, recovered: false };
    return { level: "failed", vouchedBy: "nobody", verdict: { ...verdict, problems: [String(error)] } };
}

async function trial({ application, host, volumes, writers, project }: Scene): Promise<TrialResult> {
    await volumes.thawAfter(LONGEST_RUN_S);
    succeeded(await project.up());
    await volumes.stayAwake();
    writers.pause();
    const { snapshots, consistencyLevel, evidence, id } = (await project.outputs()) as unknown as {
        snapshots: SnapshotInfo[];
        consistencyLevel: string;
        evidence: Evidence;
        id: string;
    };
    const requestedAt = Date.parse(evidence.requestedAt ?? "");
    const heldFrom = evidence.frozenAt === undefined ? requestedAt : Date.parse(evidence.frozenAt);
    const moments = { heldFrom, requestedAt };
    const verdict = await checkSet({ application, host, volumes }, snapshots, moments, id, writers.logs);
    return {
        level: consistencyLevel,
        vouchedBy: evidence.vouchedBy ?? "nobody",
        ...(evidence.reason === undefined ? {} : { reason: evidence.reason }),
        ...(evidence.freezeWindowMs === undefined ? {} : { freezeWindowMs: evidence.freezeWindowMs }),
        verdict,
    };
}

/** Restores a set to new volumes and looks at all that was promised of it. */
export async function checkSet(
    { application, host, volumes }: Pick<Scene, "application" | "host" | "volumes">,
    snapshots: readonly Pick<SnapshotInfo, "snapshotId" | "volumeId">[],
    moments: Moments,
    executionId: string,
    logs: readonly WriterLog[],
): Promise<Verdict> {
    const restored = await volumes.restore(snapshots);
    try {
        const states = await fileSystemStates(host, volumes, restored);
        const foreign = await findOurs(volumes, restored, executionId);
        const data = await application.read(volumes, restored);
        return judge(moments, logs, data, states, foreign);
    } finally {
        for (const volume of restored) {
            await volumes.discard(volume);
        }
    }
}

/** Files of ours by name, and files that name the run. */
async function findOurs(
    volumes: Volumes,
    restored: readonly RestoredVolume[],
    executionId: string,
): Promise<string[]> {
    const places = restored.map((volume) => volume.originalMountPoint).join(" ");
    const names = "-name '*app-consistent*' -o -name '*pre-freeze*' -o -name '*post-thaw*'";
    const output = await volumes.runOn(
        restored,
        `{ find ${places} ${names}; grep -r -l -a -F -e ${executionId} ${places} || true; }`,
    );
    return output.split("\n").filter((line) => line !== "");
}

function quiesceBy(application: Application, host: SshHost): string {
    const connection = JSON.stringify(connectionOf(host));
    return `{ method: "hooks", connection: ${connection}, scripts: ${application.recipe}, showHookOutput: "onFailure" }`;
}

function programOf(instanceId: string, quiesce: string, run: number): string {
    return `import { AppConsistentSnapshot, recipes } from "pulumi-app-consistent-snapshot";
void recipes;
const snapshot = new AppConsistentSnapshot("proof", {
    instanceId: ${JSON.stringify(instanceId)},
    quiesce: ${quiesce},
    minimumLevel: "crash",
    triggers: [${run}],
});
export const { id, snapshots, consistencyLevel, evidence } = snapshot;
`;
}
