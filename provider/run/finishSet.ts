import type { Log } from "../base/log";
import type { Clients } from "../aws/clients";
import { setTagsMakingRoom } from "../aws/roomForTags";
import { LEASE_RENEWAL_MS, newLease, setTags } from "../aws/setTags";
import { waitForImage } from "../aws/images";
import { tagKeys } from "../aws/tags";
import { SetLostError } from "../aws/setLostError";
import { waitForCompletion } from "../aws/waitForCompletion";
import { deleteState } from "../aws/deleteState";
import { type HookOutput, type ReasonCode, SnapshotError, factOf, messageOf } from "../base/errors";
import { type SnapshotInputs } from "../inputs/inputs";
import { timeoutsOf } from "../inputs/timeouts";
import { engineGoneFailure, isUnheard } from "../base/interruption";
import type { PendingFreeze } from "../quiesce/quiescer";
import { groupFailure } from "./groupFailure";
import type { Meeting } from "./meeting";
import type { Shared } from "./shared";
import { type SnapshotState, UnfinishedError } from "./state";
import { withLoss } from "./withLoss";
import { ownThawPending } from "../quiesce/hooks/thawPending";

/** What is needed to finish a set, in the run that took it or in a later one. */
export interface Finishing {
    readonly executionId: string;
    readonly inputs: Pick<SnapshotInputs, "instanceId" | "quiesce" | "timeouts" | "waitForCompletion">;
    readonly clients: Clients;
    /** This run took the set: nobody was told of it yet. */
    readonly fresh: boolean;
    /** Those that the set was taken with, when nobody was told of any of them yet. */
    readonly meeting?: Meeting;
    readonly shared: Pick<Shared, "isUnheardOf">;
    readonly log: Log;
    readonly signal: AbortSignal;
}

/**
 * After the commit point: waits for completion and records in the set's tags that Pulumi is told of it.
 * @param pending what is known of the freeze when the instance is not known to be awake
 * @throws UnfinishedError with the state as far as it got; SnapshotError `SNAPSHOT_FAILED` when a snapshot failed,
 * and with it the set, which is deleted then.
 */
export async function finishSet(
    run: Finishing,
    state: SnapshotState,
    pending: PendingFreeze = {},
): Promise<SnapshotState> {
    if (state.thawPending) {
        // To be told at once, not when the sets of all others are complete.
        run.meeting?.cannotCome({ isLost: false });
        const recorded = await recordUnlessDying(run, state);
        throw unfinished(run, recorded, ownThawPending(run, pending), pending.output);
    }
    let finished = { ...state, unfinished: false };
    try {
        await withLease(run, state, async () => {
            if (run.inputs.waitForCompletion ?? true) {
                await complete(run, state);
                finished = { ...finished, evidence: { ...state.evidence, completion: "completed" } };
            }
            await run.meeting?.come(run.signal);
        });
        await assertHeard(run);
    } catch (error) {
        const cause = causeOf(run, error);
        const isLost = cause instanceof SnapshotError && endsSet(run, cause);
        run.meeting?.cannotCome({ isLost });
        if (isLost) {
            throw await withoutSet(run, state, cause);
        }
        const kept = cause instanceof SetLostError ? withLoss(state, cause.lost) : state;
        throw unfinished(run, await recordUnlessDying(run, kept), pendingError(run, cause));
    }
    return await record(run, finished);
}

/** A set that nobody will ever hear of must not be marked as one that Pulumi knows. */
async function assertHeard({ fresh, shared, signal }: Finishing): Promise<void> {
    signal.throwIfAborted();
    if (fresh && (await shared.isUnheardOf())) {
        throw new SnapshotError(engineGoneFailure);
    }
}

/** What has ended the work on a set: its own failure comes before that of another one, whose end cuts it off anywhere. */
function causeOf({ signal, meeting }: Finishing, error: unknown): unknown {
    if (isUnheard(signal)) {
        return new SnapshotError(engineGoneFailure);
    }
    const isOwn = error instanceof SnapshotError && error.code !== "COMPLETION_PENDING";
    return meeting?.failed.aborted && !signal.aborted && !isOwn ? groupFailure() : error;
}

/**
 * A failed snapshot fails the set, and those that were taken with it; one that Pulumi was told of stays, even if it hears
 * no more of this run.
 */
function endsSet({ fresh, meeting }: Finishing, { code }: SnapshotError): boolean {
    return code === "SNAPSHOT_FAILED" || (fresh && code === "ENGINE_GONE") || meeting?.isLost === true;
}

/** Deletes the set; the error tells whether it succeeded. */
async function withoutSet(
    run: Finishing,
    state: SnapshotState,
    error: SnapshotError,
): Promise<SnapshotError> {
    try {
        const limited = { log: run.log, signal: AbortSignal.timeout(DELETE_LIMIT_MS) };
        await deleteState(run.clients, run.executionId, state, limited);
        return error.withContext({ state: "the instance is awake; the set is deleted." });
    } catch (problem) {
        return error.withContext({
            state: `the instance is awake; the set ${state.snapshotIds.join(", ")} could not be deleted: ${messageOf(problem)}`,
        });
    }
}

/** Covers the time that an image takes to let go of its snapshots (`timing.visibleMs`). */
const DELETE_LIMIT_MS = 180_000;

async function complete(run: Finishing, state: SnapshotState): Promise<void> {
    const deadline = performance.now() + timeoutsOf(run.inputs).completion * 1000;
    const { clients, log, meeting } = run;
    const signal = meeting === undefined ? run.signal : AbortSignal.any([run.signal, meeting.failed]);
    await waitForCompletion(clients, state.snapshotIds, { deadline, log, signal });
    if (state.imageId !== undefined) {
        await waitForImage(clients, state.imageId, { deadline, log, signal });
    }
}

/** Keeps the lease in the future while the work goes on. */
async function withLease(run: Finishing, state: SnapshotState, work: () => Promise<void>): Promise<void> {
    const renewal = setInterval(() => {
        setTags(
            run.clients,
            madeBy(state),
            { [tagKeys.lease]: newLease(run.clients.clock.now()) },
            run.signal,
        ).catch((error: unknown) =>
            run.log(`warning: could not renew the lease of the snapshots: ${messageOf(error)}`),
        );
    }, LEASE_RENEWAL_MS);
    try {
        await work();
    } finally {
        clearInterval(renewal);
    }
}

function madeBy({ snapshotIds, imageId }: SnapshotState): string[] {
    return [...snapshotIds, ...(imageId === undefined ? [] : [imageId])];
}

/** Than that the set is complete, and that its instance may be frozen. A complete set needs no lease. */
const WORTH_LESS = [tagKeys.lease, tagKeys.healed, tagKeys.size];

/** The last act before Pulumi is told of the set. */
async function record(run: Finishing, state: SnapshotState): Promise<SnapshotState> {
    try {
        const tags = {
            [tagKeys.level]: state.consistencyLevel,
            [tagKeys.state]: "complete",
            // Whoever finds the set by its tags must not take the instance for awake.
            ...(state.thawPending ? { [tagKeys.thaw]: "pending" } : {}),
        };
        const limit = AbortSignal.timeout(30_000);
        await setTagsMakingRoom(run.clients, madeBy(state), tags, WORTH_LESS, limit);
        return { ...state, recorded: true };
    } catch (error) {
        throw unfinished(run, state, {
            code: "TAGGING_FAILED",
            message: `The snapshots are good, but could not be tagged: ${factOf(error)}`,
            remedy: "Allow ec2:CreateTags on snapshots and run again.",
        });
    }
}

/**
 * An error that is told to the engine records the set as well. When this process is being ended nobody may hear of
 * it: then the lease runs out, and the next run reaps the set if its state was lost.
 */
async function recordUnlessDying(run: Finishing, state: SnapshotState): Promise<SnapshotState> {
    if (run.signal.aborted) {
        return state;
    }
    return await record(run, state).catch(() => state);
}

function unfinished(
    run: Finishing,
    state: SnapshotState,
    failure: { code: ReasonCode; message: string; remedy: string },
    output?: HookOutput,
): UnfinishedError {
    const host = state.thawPending ? "THE INSTANCE MAY STILL BE FROZEN" : "the instance is awake";
    const context = {
        instanceId: run.inputs.instanceId,
        output,
        state: `${host}; the set ${state.snapshotIds.join(", ")} (${state.consistencyLevel}) is kept.`,
    };
    return new UnfinishedError(new SnapshotError(failure, context), { ...state, unfinished: true });
}

function pendingError(run: Finishing, error: unknown) {
    if (error instanceof SnapshotError) {
        return error.failure;
    }
    const reason: unknown = run.signal.aborted ? run.signal.reason : error;
    return {
        code: "COMPLETION_PENDING" as const,
        message: `The snapshots are taken, but waiting for their completion ended: ${messageOf(reason)}`,
        remedy: "Run again: it goes on waiting and takes no new snapshot.",
    };
}
