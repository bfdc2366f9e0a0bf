import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { setTimeout as sleep } from "node:timers/promises";
import { executionsIn } from "../../lab/engine/e2e";
import type { CloudSnapshot } from "../../lab/cloud/localCloud";
import type { EngineProcess } from "../../lab/engine/engine";
import type { EngineResult, ResourceState } from "../../lab/engine/project";
import type { Application } from "../prove/application";
import { postgresql } from "../prove/postgresql";
import { holds } from "../prove/report";
import { checkSet } from "../prove/trials";
import type { Moments } from "../prove/verdict";
import { type ChaosLab, TIMEOUTS, fillersOf, monotonicNow, monotonicOf } from "./lab";
import { type Fault, HINDERED_MS } from "./plan";

const TAG = "app-consistent-snapshot:";
/** By what the contract says: all limits, and three tries of post-thaw with the guard's own pauses. */
const AWAKE_LIMIT_MS = (TIMEOUTS.preFreeze + TIMEOUTS.freeze + 3 * (TIMEOUTS.postThaw + 5)) * 1000;
/** Undoing may look for a set of unknown outcome for 2 min. */
const ORPHAN_LIMIT_MS = 240_000;
/** Where who decides is stopped, another process of the guard keeps the limit, 2 s later; the rest is a busy machine's. */
const HELD_LIMIT_MS = TIMEOUTS.freeze * 1000 + 3_000;
/** Between two tries of post-thaw, when no process can be had: the guard's shell may wait for so long. */
const RETRY_MS = 15_000;
const PROBE_LIMIT_MS = 5_000;
const TRANSACTIONS = 20;
const WRITE_LIMIT_MS = 20_000;
/** A look at all processes costs some time itself. */
const LOOK_INTERVAL_MS = 250;
const IDLE_LIMIT_MS = 60_000;
/** /proc/uptime shows hundredths. */
const CLOCK_MS = 25;

/** For how long this fault keeps everybody from thawing. Milliseconds. */
export function hinderedBy(fault: Fault): number {
    if (fault.kind !== "moment") {
        return 0;
    }
    const { what } = fault;
    return (HINDERED_MS[what] ?? 0) + (what.startsWith("let no process") ? RETRY_MS : 0);
}

/** Waits until the host is awake by itself: its hooks say so, and its volumes. @returns what is wrong */
export async function notAwake(lab: ChaosLab, hinderedMs: number): Promise<string[]> {
    const { host } = lab;
    const limit = AWAKE_LIMIT_MS + hinderedMs;
    const deadline = performance.now() + limit;
    const thawed = await until(limit, () => !host.frozen);
    const awake = await lab.isAwake(Math.max(deadline - performance.now(), PROBE_LIMIT_MS));
    const late = tooLong(host.events, hinderedMs);
    return thawed && awake && late.length === 0
        ? []
        : [
              `not awake in time (${thawed ? "thawed" : "frozen"}, ${awake ? "" : "not "}writable, ${late.join(", ")}); ` +
                  `events: ${host.events.join(", ")}`,
          ];
}

/** Freezes that lasted longer than their limits, however long ago they ended and whoever ended them. */
export function tooLong(events: readonly string[], hinderedMs = 0): string[] {
    const judge = (from: string, to: string, limitMs: number) =>
        spansOf(events, from, to)
            .filter((span) => Math.min(span.to, monotonicNow()) - span.from > limitMs + hinderedMs)
            .map((span) => `${from} for ${((span.to - span.from) / 1000).toFixed(1)} s`);
    return [...judge("freezing", "awake", AWAKE_LIMIT_MS), ...judge("frozen", "thawing", HELD_LIMIT_MS)];
}

/** With scripts that the rehearsal refuses. @returns what is wrong */
export function frozenUnrehearsed({ host }: ChaosLab): string[] {
    return host.events.includes("pre freeze") ? ["frozen with a post-thaw that fails its rehearsal"] : [];
}

/** The database's writers go on, with the connections that they had. @returns what is wrong */
export async function notWritten({ writers }: ChaosLab): Promise<string[]> {
    try {
        await writers.progress(TRANSACTIONS, WRITE_LIMIT_MS);
        return [];
    } catch (error) {
        return [String(error)];
    }
}

/** Nothing of the run lives on: neither an orphaned provider nor a session. @returns what is wrong */
export async function stillRunning(lab: ChaosLab, fault: Fault): Promise<string[]> {
    const ours = () => withoutPulumisOwn(lab, lab.project.processes());
    const gone = await until(ORPHAN_LIMIT_MS, () => ours().length === 0);
    if (fault.kind === "moment" && fault.what === "cut the connection silently") {
        // Nobody is left who uses it, but a host that was never told of the cut keeps its session for hours.
        lab.proxy.cut("RST");
    }
    const idle = await until(IDLE_LIMIT_MS, () => lab.busy().length === 0);
    const roles = ours().map(({ role }) => role);
    const commands = lab.busy().map(({ command }) => command);
    return [
        ...(gone ? [] : [`lives on: ${roles.join(", ")}`]),
        ...(idle ? [] : [`still runs on the host: ${commands.join("; ")}`]),
    ];
}

/**
 * Pulumi's language host may outlive a killed CLI for long, and so may its server of dynamic providers where nobody came
 * to ask it for anything: nothing of this package is in either.
 */
function withoutPulumisOwn(lab: ChaosLab, all: readonly EngineProcess[]): readonly EngineProcess[] {
    const isAsked = all.some((one) => one.role === "dynamicProvider" && lab.hasLoadedPackage(one));
    const own = isAsked ? ["languageHost"] : ["languageHost", "dynamicProvider", "dynamicProviderShell"];
    return all.filter(({ role }) => !own.includes(role));
}

/** @returns what is on the host that was not there before, or is there no more */
export function leftBehind(lab: ChaosLab, clean: readonly string[]): string[] {
    const now = lab.left();
    const more = now.filter((one) => !clean.includes(one));
    const less = clean.filter((one) => !now.includes(one));
    return [
        ...(more.length === 0 ? [] : [`left on the host: ${more.join(", ")}`]),
        ...(less.length === 0 ? [] : [`gone from the host: ${less.join(", ")}`]),
    ];
}

async function until(limitMs: number, condition: () => boolean): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
        if (performance.now() > deadline) {
            return false;
        }
        await sleep(LOOK_INTERVAL_MS);
    }
    return true;
}

/**
 * What the state, or their own tags, claim of the sets of this run, against what the host's own hooks say of when it was
 * frozen, and against what the restored sets hold. @returns what is wrong
 */
export async function falseClaims(lab: ChaosLab): Promise<string[]> {
    const windows = windowsOf(lab.host.events);
    const calls = await lab.cloud.calls();
    const problems: string[] = [];
    for (const [id, snapshots] of await claimed(lab)) {
        // The one that made the set: those before it were refused, and the server thawed meanwhile.
        const call = calls.findLast(
            ({ operation, dryRun, code, parameters }) =>
                operation === "CreateSnapshots" &&
                !dryRun &&
                code === "Success" &&
                JSON.stringify(parameters).includes(id),
        );
        // Of an earlier run: judged then.
        if (call === undefined) {
            continue;
        }
        const { receivedAt, answeredAt } = call;
        const held = windows.find(
            ({ from, to }) =>
                from <= receivedAt + CLOCK_MS && answeredAt !== null && answeredAt <= to + CLOCK_MS,
        );
        if (held === undefined) {
            problems.push(`${id} claims "application" but was not held; ${lab.host.events.join(", ")}`);
        }
        const moments = { heldFrom: (held?.from ?? receivedAt) + CLOCK_MS, requestedAt: receivedAt };
        problems.push(...(await notTrue(lab, id, snapshots, moments)));
    }
    return problems;
}

/** Restores a set and looks whether it is what `application` means. */
async function notTrue(
    { host, volumes, writers }: ChaosLab,
    id: string,
    snapshots: readonly CloudSnapshot[],
    moments: Moments,
): Promise<string[]> {
    const verdict = await checkSet(
        { application: postgresqlWithRoom, host, volumes },
        snapshots,
        { heldFrom: wallClockOf(moments.heldFrom), requestedAt: wallClockOf(moments.requestedAt) },
        id,
        writers.logs,
    );
    return holds({ level: "application", verdict }, "application")
        ? []
        : [`${id} claims "application" but is ${JSON.stringify(verdict)}`];
}

/** A disk that was full is full in the set as well: no server starts on it. */
const postgresqlWithRoom: Application = {
    ...postgresql,
    async read(volumes, restored) {
        await volumes.runOn(restored, `rm -f ${fillersOf(volumes)}`);
        return await postgresql.read(volumes, restored);
    },
};

/** By the state, or by the tags of a set of which the state was never told: `AppConsistentSnapshot.get` reads those. */
async function claimed(lab: ChaosLab): Promise<Map<string, readonly CloudSnapshot[]>> {
    const all = await lab.cloud.snapshots();
    const stated = snapshotsIn(lab).filter(({ outputs }) => outputs?.["consistencyLevel"] === "application");
    const tagged = all.filter(
        ({ tags }) => tags[`${TAG}level`] === "application" && tags[`${TAG}state`] === "complete",
    );
    const ids = [...stated.map(({ id = "" }) => id), ...executionsIn(tagged)];
    return new Map(ids.map((id) => [id, all.filter(({ tags }) => tags[`${TAG}execution`] === id)]));
}

/** Milliseconds since 1970 by the clock of this process, for those of `process.hrtime`. */
function wallClockOf(monotonicMs: number): number {
    return performance.timeOrigin + performance.now() - (monotonicNow() - monotonicMs);
}

interface Span {
    readonly from: number;
    readonly to: number;
}

/** From the end of pre-freeze to the beginning of the first post-thaw after it. Milliseconds. */
export function windowsOf(events: readonly string[]): Span[] {
    return spansOf(events, "frozen", "thawing");
}

/** From each of the one events to the next of the other; to Infinity where there is none. Milliseconds. */
function spansOf(events: readonly string[], from: string, to: string): Span[] {
    const times = events.flatMap((event) => {
        const [, what, seconds] = /^(\w+) ([\d.]+)$/.exec(event) ?? [];
        return what === undefined ? [] : [{ what, at: monotonicOf(Number(seconds)) }];
    });
    return times.flatMap(({ what, at }, index) => {
        const end = times.slice(index + 1).find((later) => later.what === to);
        return what === from ? [{ from: at, to: end?.at ?? Infinity }] : [];
    });
}

function snapshotsIn({ project }: ChaosLab): ResourceState[] {
    return project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
}

/** As if the leases of sets that nobody finished had run out long ago. */
export async function endLeases({ cloud }: ChaosLab): Promise<void> {
    const left = (await cloud.snapshots()).filter(({ tags }) => tags[`${TAG}state`] === "in-progress");
    if (left.length > 0) {
        const client = new EC2Client(cloud.clientConfig());
        const Value = new Date(Date.now() - 3_600_000).toISOString();
        const Resources = left.map(({ snapshotId }) => snapshotId);
        await client.send(new CreateTagsCommand({ Resources, Tags: [{ Key: `${TAG}lease`, Value }] }));
        client.destroy();
    }
}

/** After the next `up`, with nothing in its way. @returns what is wrong */
export async function notMended(
    lab: ChaosLab,
    next: EngineResult,
    clean: readonly string[],
): Promise<string[]> {
    const { project, host, cloud } = lab;
    const problems: string[] = [];
    if (next.code !== 0) {
        return [`the next up failed: ${next.stderr} ${next.stdout} ${next.diagnostics}`];
    }
    const [resource, ...others] = snapshotsIn(lab);
    const { resources, pendingOperations } = project.state();
    const level = resource?.outputs?.["consistencyLevel"];
    if (resource === undefined || others.length > 0 || level !== "application") {
        problems.push(`the state has ${others.length + 1} resources, the first of level ${String(level)}`);
    }
    // Pulumi itself keeps what was being created when it was interrupted, until `refresh --clear-pending-creates`.
    const pending = pendingOperations.filter(({ type }) => type !== "creating").map(({ type }) => type);
    const initErrors = resources.flatMap((one) => one.initErrors ?? []);
    if (pending.length > 0 || initErrors.length > 0) {
        problems.push(`the state is not clean after the next up: ${[...pending, ...initErrors].join("; ")}`);
    }
    if (host.frozen) {
        problems.push("frozen after the next up");
    }
    problems.push(...leftBehind(lab, clean));
    const snapshots = await cloud.snapshots();
    for (const orphan of executionsIn(snapshots).filter((id) => id !== resource?.id)) {
        const set = snapshots.filter((one) => executionsIn([one])[0] === orphan);
        if (!isNamed(set, orphan, next)) {
            problems.push(
                `orphaned: ${orphan}, ${set.map(({ tags }) => tags[`${TAG}state`] ?? "").join(", ")}`,
            );
        }
        await cloud.deleteSnapshots(set.map(({ snapshotId }) => snapshotId));
    }
    return problems;
}

/** A set that is complete, but that no state knows of, is named and never deleted: it may be somebody's backup. */
function isNamed(
    set: readonly CloudSnapshot[],
    executionId: string,
    { stdout, diagnostics }: EngineResult,
): boolean {
    const complete = set.every(({ tags }) => tags[`${TAG}state`] === "complete");
    return complete && `${stdout}${diagnostics}`.includes(executionId);
}
