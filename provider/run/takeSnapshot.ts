import { setTimeout as sleep } from "node:timers/promises";
import type { Source } from "../aws/instance";
import { verifySet } from "../aws/snapshots";
import { type ProvenLevel, provenLevel, reaches } from "../base/consistency";
import { SnapshotError, failureOf, messageOf } from "../base/errors";
import { finishSet } from "./finishSet";
import { minimumLevelOf } from "../inputs/inputs";
import { isHurried } from "../base/interruption";
import { assertPreconditions, multiAttachRemedy } from "./preconditions";
import { captureBy } from "./capture";
import { chooseQuiescer } from "./chooseQuiescer";
import { none } from "../quiesce/none";
import { QuiesceError } from "../quiesce/quiesceError";
import type { Capture, PendingFreeze } from "../quiesce/quiescer";
import { reapEarlierRuns } from "./reapEarlierRuns";
import { reserve } from "./reserve";
import type { Run } from "./run";
import { sourceOf } from "./sourceOf";
import { type SnapshotState, UnfinishedError } from "./state";
import { emptyState, stateOf } from "./stateOf";
import { ownThawPending } from "../quiesce/hooks/thawPending";
import { timing } from "../base/timing";
import { Undo } from "../base/undo";

/**
 * Takes a set of snapshots of an instance: resolve, preconditions, deploy, capture, clean up, wait, outputs.
 * @throws SnapshotError when nothing was kept and the instance is awake; `UnfinishedError`, with the state to save,
 * when there is something that the next run has to go on with.
 */
export async function takeSnapshot(run: Run): Promise<SnapshotState> {
    const undo = new Undo();
    let source: Source | undefined;
    let capture: Capture | undefined;
    try {
        await run.shared.turns.take(undo, run);
        source = await sourceOf(run);
        capture = await captureAtLeastMinimum(run, source, undo);
        await verifySet(run.clients, run.executionId, capture.set, volumeIds(source), run);
        const level = assertLevel(run, source, capture);
        undo.commit();
        await cleanUp(run, undo);
        const state = stateOf(run, source, capture, level, undo.problems);
        await reapEarlierRuns(run);
        return await finishSet({ ...run, fresh: true }, state, capture.pending);
    } catch (error) {
        throw await takeBack(run, undo, error, source, capture);
    }
}

async function captureAtLeastMinimum(run: Run, source: Source, undo: Undo): Promise<Capture> {
    try {
        return await captureWithRetry(run, source, undo);
    } catch (error) {
        if (!(error instanceof QuiesceError && error.mayFallBack) || minimumLevelOf(run.inputs) !== "crash") {
            throw error;
        }
        const message = fallbackMessage(run, error);
        run.log(`warning: ${message}`);
        await cleanUp(run, undo);
        const plain = await capturePlain(run, source, undo, error);
        const { method } = run.inputs.quiesce;
        return {
            ...plain,
            awake: error.awake,
            ...(error.awake ? {} : { pending: pendingOf(error) }),
            deployed: error.deployed,
            evidence: { ...plain.evidence, method, reason: error.code, message },
        };
    }
}

/** Without the hooks' last words: they may hold what no state and no log should. */
function fallbackMessage(run: Run, error: QuiesceError): string {
    const failure = error.awake
        ? error.failure
        : { ...error.failure, remedy: ownThawPending(run, pendingOf(error)).remedy };
    return new SnapshotError(failure, {
        instanceId: run.inputs.instanceId,
        state: `${hostState(error.awake, error.froze)}; a crash-consistent set was taken instead.`,
    }).message;
}

/** What is known of a freeze when the run fails. */
function pendingOf(error: SnapshotError, capture?: Capture): PendingFreeze {
    const known = error instanceof QuiesceError ? error.pending : capture?.pending;
    return { ...known, cause: error.failure };
}

/** What does not succeed is a warning, and told in the evidence. */
async function cleanUp(run: Run, undo: Undo): Promise<void> {
    for (const problem of await undo.unwind(CLEAN_UP_LIMIT_MS)) {
        run.log(`warning: clean-up failed: ${problem}`);
    }
}

/** A failure of the plain set does not make anybody forget that the instance may still be frozen. */
async function capturePlain(run: Run, source: Source, undo: Undo, before: QuiesceError): Promise<Capture> {
    try {
        return await captureBy(none(), () => reserve(run, source, undo), undo, run.signal);
    } catch (error) {
        const { awake, froze, bootId, pending } = before;
        throw new QuiesceError(
            failureOf(error),
            { awake, froze, bootId, pending, mayFallBack: false },
            { cause: error },
        );
    }
}

/** Each throttled try ends thawed before the next begins, from the start. */
async function captureWithRetry(run: Run, source: Source, undo: Undo): Promise<Capture> {
    for (let attempt = 1; ; attempt += 1) {
        try {
            return await quiesceAndCapture(run, source, undo);
        } catch (error) {
            if (!isThrottled(error) || attempt === THROTTLE_ATTEMPTS) {
                throw error;
            }
            run.log(
                `${messageOf(error)} Trying again in ${timing.throttlePauseMs / 1000} s; the instance is awake meanwhile.`,
            );
            await cleanUp(run, undo);
            await sleep(timing.throttlePauseMs, undefined, { signal: run.signal });
            await run.shared.turns.take(undo, run);
        }
    }
}

async function quiesceAndCapture(run: Run, source: Source, undo: Undo): Promise<Capture> {
    const quiescer = chooseQuiescer(run, source);
    undo.cleanUp("close the connection", () => quiescer.close());
    await assertPreconditions(run, source, quiescer);
    await quiescer.deploy(undo);
    return await captureBy(quiescer, () => reserve(run, source, undo), undo, run.signal);
}

function assertLevel(run: Run, source: Source, { evidence }: Capture): ProvenLevel {
    const level = provenLevel({
        vouchedLevel: evidence.vouchedLevel,
        held: evidence.held,
        ...(evidence.reason === undefined ? {} : { reason: evidence.reason }),
        identityVerified: evidence.identity !== undefined && evidence.identity !== "unverified",
        multiAttached: source.volumes.some((volume) => volume.multiAttached),
        stopped: source.state === "stopped",
    });
    const minimum = minimumLevelOf(run.inputs);
    if (!reaches(level.level, minimum)) {
        throw new SnapshotError({
            code: level.reason ?? "HOLD_UNPROVEN",
            message: `${evidence.message ?? "The level could not be proven."} The set is "${level.level}", below minimumLevel "${minimum}".`,
            remedy: levelRemedy(level.reason, run.inputs.quiesce.method),
        });
    }
    return level;
}

function levelRemedy(reason: ProvenLevel["reason"], method: Run["inputs"]["quiesce"]["method"]): string {
    switch (reason) {
        case "FREEZE_EXPIRED":
            return "Run again; when it happens again, raise timeouts.freeze to longer than CreateSnapshots takes (evidence.apiMs).";
        case "MULTI_ATTACH":
            return multiAttachRemedy(method);
        default:
            return 'Run again, or set minimumLevel: "crash" to keep such a set.';
    }
}

/** Undoes what was done; tells what state things are in then. */
async function takeBack(
    run: Run,
    undo: Undo,
    error: unknown,
    source: Source | undefined,
    capture: Capture | undefined,
): Promise<unknown> {
    const problems = await undo.unwind(isHurried(run.signal) ? INTERRUPTED_LIMIT_MS : UNDO_LIMIT_MS);
    if (error instanceof UnfinishedError) {
        return error;
    }
    const awake = error instanceof QuiesceError ? error.awake : (capture?.awake ?? true);
    const leftovers =
        problems.length === 0
            ? "no snapshot was kept."
            : `what could not be undone now (${problems.join("; ")}) is deleted by the next run.`;
    const froze = error instanceof QuiesceError ? error.froze : capture?.evidence.frozenAt !== undefined;
    const failed = asSnapshotError(error);
    const context = {
        instanceId: run.inputs.instanceId,
        state: failed.context.state ?? `${hostState(awake, froze)}; ${leftovers}`,
    };
    if (awake || source === undefined) {
        return failed.withContext(context);
    }
    const pending = pendingOf(failed, capture);
    const failure = ownThawPending(run, pending);
    const bootId = error instanceof QuiesceError ? error.bootId : capture?.evidence.bootId;
    return new UnfinishedError(
        new SnapshotError(failure, { ...context, output: pending.output, cause: error }),
        emptyState(run, source, { ...pending, bootId, message: failure.message }),
    );
}

function hostState(awake: boolean, froze: boolean): string {
    if (!awake) {
        return "THE INSTANCE MAY STILL BE FROZEN";
    }
    return froze ? "the instance is awake" : "nothing is frozen by this run";
}

function asSnapshotError(error: unknown): SnapshotError {
    return error instanceof SnapshotError ? error : new SnapshotError(failureOf(error), { cause: error });
}

function isThrottled(error: unknown): boolean {
    return (
        error instanceof SnapshotError &&
        error.code === "SNAPSHOT_THROTTLED" &&
        !(error instanceof QuiesceError && !error.awake)
    );
}

function volumeIds(source: Source): string[] {
    return source.volumes.map((volume) => volume.volumeId);
}

const THROTTLE_ATTEMPTS = 3;
/** Covers the longest clean-up, which is the removal of the VSS components (`timing.removalMs`). */
const CLEAN_UP_LIMIT_MS = 330_000;
/** And the 2 min that a set of unknown outcome is looked for. */
const UNDO_LIMIT_MS = CLEAN_UP_LIMIT_MS + 180_000;
/** Pulumi kills the provider 5 s after the SIGINT (sdk/go/common/resource/plugin, `Close`); thawing came first. */
const INTERRUPTED_LIMIT_MS = 2_000;
