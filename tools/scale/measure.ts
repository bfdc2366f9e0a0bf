import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence } from "../../index";
import { succeeded } from "../../test/support/e2e";
import type { Project, RunningOperation } from "../../test/support/project";
import { LIMIT, type ScaleLab } from "./lab";

const UP_LIMIT_MS = 900_000;
const LOOK_INTERVAL_MS = 200;

/** One `pulumi up`. Milliseconds, bytes and counts. */
export interface Scaled {
    readonly instances: number;
    readonly volumes: number;
    readonly longestWindowMs: number;
    /** The most that a window has beyond the API's own time. */
    readonly longestOverheadMs: number;
    readonly medianWindowMs: number;
    readonly peakBytes: number;
    readonly connections: number;
    /** From the provider's first request to the answer to its last. */
    readonly providerMs: number;
    /** Of the whole `pulumi up`. */
    readonly upMs: number;
    /** The least time in which the limit lets one request for each instance pass. */
    readonly floorMs: number;
    /** Requests that the cloud refused because there were too many. */
    readonly throttled: number;
}

/** Takes a snapshot of each of so many servers by one `pulumi up`, all at once. */
export async function scale(lab: ScaleLab, instances: number, volumes: number): Promise<Scaled> {
    const { cloud } = lab;
    const servers = await lab.servers(instances, volumes);
    const project = await lab.project(servers);
    await cloud.reset();
    await cloud.clearCalls();
    await cloud.throttle("CreateSnapshots", LIMIT);
    const started = performance.now();
    // Pulumi itself does no more than 4 things a core at once, unless it is told to.
    const running = project.spawn("up", { limitMs: UP_LIMIT_MS, args: ["--parallel", String(instances)] });
    const use = await watch(project, running);
    succeeded(await running.result);
    const upMs = performance.now() - started;
    const calls = await cloud.calls();
    const evidence = evidenceOf(project);
    const windows = evidence.map(({ freezeWindowMs = NaN }) => freezeWindowMs);
    const overheads = evidence.map(({ freezeWindowMs = NaN, apiMs }) => freezeWindowMs - apiMs);
    const first = Math.min(...calls.map(({ receivedAt }) => receivedAt));
    const last = Math.max(...calls.map(({ answeredAt }) => answeredAt ?? 0));
    await project.dispose();
    await cloud.deleteSnapshots((await cloud.snapshots()).map(({ snapshotId }) => snapshotId));
    return {
        instances,
        volumes,
        longestWindowMs: Math.max(...windows),
        longestOverheadMs: Math.max(...overheads),
        medianWindowMs: windows.sort((a, b) => a - b)[Math.floor(windows.length / 2)] ?? NaN,
        ...use,
        providerMs: last - first,
        upMs,
        floorMs: (Math.max(0, instances - LIMIT.burst) / LIMIT.rate) * 1000,
        throttled: calls.filter(({ code }) => code === "RequestLimitExceeded").length,
    };
}

/** What each resource says of its own run; each must have got what it asked for. */
function evidenceOf(project: Project): Evidence[] {
    const snapshots = project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
    return snapshots.map(({ urn, outputs }) => {
        if (outputs?.["consistencyLevel"] !== "application") {
            throw new Error(`${urn} is ${String(outputs?.["consistencyLevel"])}`);
        }
        return outputs["evidence"] as Evidence;
    });
}

/** The most memory and the most sockets that the provider's process has while the command runs. */
async function watch(
    project: Project,
    running: RunningOperation,
): Promise<Pick<Scaled, "peakBytes" | "connections">> {
    const end = new AbortController();
    void running.ended.then(() => end.abort());
    let [peakBytes, connections] = [0, 0];
    while (!end.signal.aborted) {
        for (const { pid } of project.processes().filter(({ role }) => role === "dynamicProvider")) {
            peakBytes = Math.max(peakBytes, peakMemoryOf(pid));
            connections = Math.max(connections, socketsOf(pid));
        }
        await sleep(LOOK_INTERVAL_MS);
    }
    return { peakBytes, connections };
}

/** Zero when it has ended. */
function peakMemoryOf(pid: number): number {
    try {
        const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        return Number(peak ?? 0) * 1024;
    } catch {
        return 0;
    }
}

function socketsOf(pid: number): number {
    try {
        const folder = `/proc/${pid}/fd`;
        return readdirSync(folder).filter((fd) => linkOf(`${folder}/${fd}`).startsWith("socket:")).length;
    } catch {
        return 0;
    }
}

function linkOf(path: string): string {
    try {
        return readlinkSync(path);
    } catch {
        return "";
    }
}
