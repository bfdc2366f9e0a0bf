import { setTimeout as sleep } from "node:timers/promises";
import { verifySet } from "../aws/snapshots";
import { type SnapshotError, messageOf } from "../base/errors";
import { timing } from "../base/timing";
import { timeoutsOf } from "../inputs/timeouts";
import type { Quiescer } from "../quiesce/quiescer";
import { assertLevel } from "./assertLevel";
import { capture } from "./capture";
import { chooseQuiescer } from "./chooseQuiescer";
import { captureAtLeastMinimum } from "./fallBack";
import { finishSet } from "./finishSet";
import { Meeting } from "./meeting";
import { type Captured, type Part, type Sourced, type Verified, cleanUp, partOf } from "./part";
import { assertPreconditions } from "./preconditions";
import { reapEarlierRuns } from "./reapEarlierRuns";
import { reserve } from "./reserve";
import type { Run } from "./run";
import { sourceOf } from "./sourceOf";
import type { SnapshotState } from "./state";
import { stateOf } from "./stateOf";
import { takeBack, takeBackAll } from "./takeBack";
import { throttledBy } from "./throttling";
import { inTurn, together } from "./together";

/**
 * What came of one instance. A `SnapshotError`: nothing was kept and the instance is awake. An `UnfinishedError`: the
 * next run has to go on with the state that it holds.
 */
export type Outcome = SnapshotState | SnapshotError;

/** Takes a set of snapshots of one instance. @throws the error of its outcome */
export async function takeSnapshot(run: Run): Promise<SnapshotState> {
    const [outcome] = await takeSnapshots([run]);
    if (outcome instanceof Error || outcome === undefined) {
        throw outcome ?? new TypeError("a run has an outcome");
    }
    return outcome;
}

/**
 * Takes the sets of instances at one point: resolve, preconditions, deploy, capture, verify, clean up, wait, outputs.
 * Until they are kept, the failure of one is the failure of all. Never throws.
 */
export async function takeSnapshots(runs: readonly Run[]): Promise<Outcome[]> {
    const parts = runs.map(partOf);
    try {
        const sourced = await together(parts, resolve);
        const captured = await captureAtLeastMinimum(sourced, captureWithRetry);
        const verified = await together(captured, verify);
        return await keepAll(verified);
    } catch (error) {
        return await takeBackAll(parts, error);
    }
}

async function resolve(part: Part): Promise<Sourced> {
    const { run, undo } = part;
    await run.shared.turns.take(undo, run);
    return Object.assign(part, { source: await sourceOf(run) });
}

/** Each throttled try ends thawed before the next begins, from the start. */
async function captureWithRetry(parts: readonly Sourced[]): Promise<Captured[]> {
    for (let attempt = 1; ; attempt += 1) {
        try {
            return await quiesceAndCapture(parts);
        } catch (error) {
            const throttled = throttledBy(error, parts);
            if (throttled === undefined || attempt === THROTTLE_ATTEMPTS) {
                throw error;
            }
            await together(parts, (part) => pauseBecauseOf(throttled, part));
        }
    }
}

async function pauseBecauseOf(throttled: SnapshotError, part: Part): Promise<void> {
    const { run, undo } = part;
    run.log(
        `${messageOf(throttled)} Trying again in ${timing.throttlePauseMs / 1000} s; the instance is awake meanwhile.`,
    );
    await cleanUp(part);
    delete part.capture;
    await sleep(timing.throttlePauseMs, undefined, { signal: run.signal });
    await run.shared.turns.take(undo, run);
}

async function quiesceAndCapture(parts: readonly Sourced[]): Promise<Captured[]> {
    const ready = parts.map((part) => ({ part, quiescer: quiescerOf(part) }));
    await together(ready, ({ part: { run, source }, quiescer }) =>
        assertPreconditions(run, source, quiescer),
    );
    await deployAll(ready);
    return await capture(
        ready.map(({ part, quiescer }) => ({
            part,
            quiescer,
            reserve: () => reserve(part.run, part.source, part.undo),
        })),
    );
}

interface Ready {
    readonly part: Sourced;
    readonly quiescer: Quiescer;
}

/**
 * In the order of their instances where another run's lock may be waited for: two groups that share members would wait for
 * each other, each with a lock that the other one needs.
 */
async function deployAll(ready: readonly Ready[]): Promise<void> {
    const deploy = ({ part: { undo }, quiescer }: Ready) => quiescer.deploy(undo);
    if (ready.every(({ part: { run } }) => timeoutsOf(run.inputs).lock === 0)) {
        await together(ready, deploy);
        return;
    }
    const idOf = ({ part: { run } }: Ready) => run.inputs.instanceId;
    const order = [...ready].sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
    await inTurn(ready, order, deploy);
}

function quiescerOf({ run, source, undo }: Sourced): Quiescer {
    const quiescer = chooseQuiescer(run, source);
    undo.cleanUp("close the connection", () => quiescer.close());
    return quiescer;
}

async function verify(part: Captured): Promise<Verified> {
    const { run, source, capture: captured } = part;
    const volumeIds = source.volumes.map((volume) => volume.volumeId);
    await verifySet(run.clients, run.executionId, captured.set, volumeIds, run);
    return Object.assign(part, { level: assertLevel(run, source, captured) });
}

/** The commit point: from here on only a snapshot that fails takes the sets with it. */
async function keepAll(parts: readonly Verified[]): Promise<Outcome[]> {
    parts.forEach(({ undo }) => undo.commit());
    await Promise.all(parts.map(cleanUp));
    await reapEarlierRuns(parts.map(({ run }) => run));
    const meeting = new Meeting(parts.length);
    return await Promise.all(parts.map((part) => keep(part, meeting)));
}

async function keep(part: Verified, meeting: Meeting): Promise<Outcome> {
    const { run, undo, source, capture: captured, level } = part;
    try {
        const state = stateOf(run, source, captured, level, undo.problems);
        return await finishSet({ ...run, fresh: true, meeting }, state, captured.pending);
    } catch (error) {
        return await takeBack(part, error);
    }
}

const THROTTLE_ATTEMPTS = 3;
