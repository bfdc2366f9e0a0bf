import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence } from "../../index";
import { succeeded } from "../../lab/engine/e2e";
import type { Project, RunningOperation } from "../../lab/engine/project";
import { LIMIT, type ScaleLab } from "./lab";

const UP_LIMIT_MS = 900_000;
/** On a machine that carries all servers and more, a freeze is to be measured, not ended. */
const FREEZE_S = 60;
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
    /** Processor time of the provider: unlike all other times, the same on a busy machine. */
    readonly cpuMs: number;
    /** From the provider's first request to the answer to its last. */
    readonly providerMs: number;
    /** Of the whole `pulumi up`. */
    readonly upMs: number;
    /** The least time in which the limit lets one request for each instance pass, and the slowest pre-freeze ends. */
    readonly floorMs: number;
    /** CreateSnapshots that the cloud refused because there were too many. */
    readonly throttled: number;
    /** Other requests that it refused for that: they are repeated, when nothing is frozen yet or any more. */
    readonly repeated: number;
}

/**
 * Takes a snapshot of each of so many servers by one `pulumi up`, all at once.
 * @param slowestS what pre-freeze takes on the slowest of them; the others are spread evenly below it
 */
export async function scale(
    lab: ScaleLab,
    instances: number,
    volumes: number,
    slowestS = 0,
): Promise<Scaled> {
    const { cloud } = lab;
    const servers = await lab.servers(instances, volumes);
    lab.slowDown(servers, slowestS);
    const project = await lab.project(servers, { timeouts: { freeze: FREEZE_S } });
    await cloud.reset();
    await cloud.clearCalls();
    await lab.limitRequests();
    const started = performance.now();
    // Pulumi itself does no more than 4 things a core at once, unless it is told to.
    const running = project.spawn("up", { limitMs: UP_LIMIT_MS, args: ["--parallel", String(instances)] });
    const use = await watch(project, running);
    succeeded(await running.result);
    const upMs = performance.now() - started;
    const calls = await cloud.calls();
    const evidence = evidenceOf(project);
    const windows = evidence.map(({ freezeWindowMs = NaN }) => freezeWindowMs);
    const overheads = evidence.map(({ freezeWindowMs = NaN, apiMs = NaN }) => freezeWindowMs - apiMs);
    const first = Math.min(...calls.map(({ receivedAt }) => receivedAt));
    const refused = calls.filter(({ code }) => code === "RequestLimitExceeded");
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
        floorMs: Math.max(Math.max(0, instances - LIMIT.burst) / LIMIT.rate, slowestS) * 1000,
        throttled: refused.filter(({ operation }) => operation === "CreateSnapshots").length,
        repeated: refused.filter(({ operation }) => operation !== "CreateSnapshots").length,
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

/** The most memory and sockets, and all processor time, that the provider's process has while the command runs. */
async function watch(
    project: Project,
    running: RunningOperation,
): Promise<Pick<Scaled, "peakBytes" | "connections" | "cpuMs">> {
    const end = new AbortController();
    void running.ended.then(() => end.abort());
    let [peakBytes, connections, cpuMs] = [0, 0, 0];
    while (!end.signal.aborted) {
        for (const { pid } of project.processes().filter(({ role }) => role === "dynamicProvider")) {
            peakBytes = Math.max(peakBytes, peakMemoryOf(pid));
            connections = Math.max(connections, socketsOf(pid));
            cpuMs = Math.max(cpuMs, processorTimeOf(pid));
        }
        await sleep(LOOK_INTERVAL_MS);
    }
    return { peakBytes, connections, cpuMs };
}

function peakMemoryOf(pid: number): number {
    const status = orIfGone("", () => readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Of a hundredth of a second each (sysconf(_SC_CLK_TCK), 100 on all of Linux's usual machines). */
const TICK_MS = 10;

function processorTimeOf(pid: number): number {
    const stat = orIfGone("", () => readFileSync(`/proc/${pid}/stat`, "utf8"));
    // The name, which may hold anything, ends with the last bracket; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

function socketsOf(pid: number): number {
    const folder = `/proc/${pid}/fd`;
    const links = orIfGone([], () => readdirSync(folder)).map((fd) =>
        orIfGone("", () => readlinkSync(`${folder}/${fd}`)),
    );
    return links.filter((link) => link.startsWith("socket:")).length;
}

function orIfGone<T>(fallback: T, read: () => T): T {
    try {
        return read();
    } catch {
        return fallback;
    }
}
