import type { CreatedSet } from "../aws/createSnapshots";
import { abortable } from "../base/abortable";
import { SnapshotError, failureOf } from "../base/errors";
import type { Undo } from "../base/undo";
import { QuiesceError } from "../quiesce/quiesceError";
import {
    type Capture,
    type Held,
    type Holding,
    type Quiescer,
    type Release,
    type SnapshotCall,
    takesSet,
} from "../quiesce/quiescer";
import { groupFailure } from "./groupFailure";
import type { Run } from "./run";
import { together } from "./together";

/** What of an instance's part it takes to capture its set. */
interface Capturing {
    readonly run: Pick<Run, "signal">;
    readonly undo: Undo;
    capture?: Capture;
}

/** An instance whose set is about to be taken. */
export interface Captor<P extends Capturing, Q extends Quiescer | Holding = Quiescer> {
    readonly part: P;
    readonly quiescer: Q;
    /** Gets everything ready that the request needs. */
    reserve(): Promise<SnapshotCall>;
}

/**
 * Takes the sets of instances at one point, each into its part. Only one that is by itself can have its set taken by
 * somebody else.
 */
export async function capture<P extends Capturing>(
    captors: readonly Captor<P>[],
): Promise<(P & { capture: Capture })[]> {
    const holding = captors.filter(
        (captor): captor is Captor<P, Quiescer & Holding> => !takesSet(captor.quiescer),
    );
    if (holding.length === captors.length) {
        return await captureAtOnePoint(holding);
    }
    return await together(captors, async ({ part, quiescer }) => {
        if (captors.length > 1 || !takesSet(quiescer)) {
            throw new TypeError("what is not held by us cannot be held for others");
        }
        return Object.assign(part, { capture: await quiescer.capture(part.undo) });
    });
}

/**
 * Reserves all, freezes all, requests all, and when all have answered, asks and releases all. So each freeze is held
 * from before the first request until after the last answer, or its evidence says that it was not. Whatever goes
 * wrong, everything that is held is released; as soon as one cannot become part of it, because the others then stand
 * still in vain.
 * @throws SomeFailed; a set that there is all the same is in its part
 */
async function captureAtOnePoint<P extends Capturing>(
    captors: readonly Captor<P, Holding>[],
): Promise<(P & { capture: Capture })[]> {
    const reserved = await together(captors, async (captor) => ({ ...captor, send: await captor.reserve() }));
    const inVain = new AbortController();
    const frozen = await freezeAll(reserved, inVain);
    const asked = frozen.map((captor) => ({ ...captor, answer: answerOf(captor, inVain) }));
    const isWhole = await unlessInVain(Promise.all(asked.map(({ answer }) => answer)), inVain.signal);
    return await together(asked, async ({ part, held, answer }) => {
        const release = await held.release();
        const settled = await answer;
        if ("error" in settled) {
            throw release.froze ? withoutSet(settled.error, release) : settled.error;
        }
        if (!isWhole) {
            throw notInGroup(release);
        }
        return Object.assign(part, { capture: captureOf(settled.value, release) });
    });
}

type Reserved<P extends Capturing> = Captor<P, Holding> & { readonly send: SnapshotCall };
type Frozen<P extends Capturing> = Reserved<P> & { readonly held: Held };

/** When one does not hold, those that do are released at once, and those that are on the way give up. */
async function freezeAll<P extends Capturing>(
    captors: readonly Reserved<P>[],
    inVain: AbortController,
): Promise<Frozen<P>[]> {
    const freezing = captors.map(async (captor) => {
        try {
            const held = await captor.quiescer.freeze(inVain.signal);
            if (captors.length > 1) {
                void held.over.then(() => inVain.abort(groupFailure()));
            }
            return { ...captor, held };
        } catch (error) {
            inVain.abort(groupFailure());
            throw error;
        }
    });
    if (await unlessInVain(Promise.all(freezing), inVain.signal)) {
        return await Promise.all(freezing);
    }
    return await together(freezing, async (one) => {
        const { held } = await one;
        throw notInGroup(await held.release());
    });
}

/** Whether the work was done before that came to be in vain. */
async function unlessInVain(work: Promise<unknown>, inVain: AbortSignal): Promise<boolean> {
    return await abortable(work, inVain).then(
        () => !inVain.aborted,
        () => false,
    );
}

/** Waited for even if it is in vain: what is known to be made can be deleted at once. */
async function answerOf<P extends Capturing>(
    { send, held, part }: Frozen<P>,
    inVain: AbortController,
): Promise<{ value: CreatedSet } | { error: unknown }> {
    try {
        return { value: await send(held.answerLimitMs(), part.run.signal, inVain.signal) };
    } catch (error) {
        inVain.abort(groupFailure());
        return { error };
    }
}

/** What has kept one from holding with the others: its own failure, or that of another one. */
function notInGroup(release: Release): QuiesceError {
    const { reason, message = "" } = release.evidence;
    return reason === undefined
        ? withoutSet(groupFailure(), release)
        : withoutSet(new SnapshotError({ code: reason, message, remedy: HOLD_REMEDY }), release, true);
}

const HOLD_REMEDY =
    "All members stay frozen until the slowest is: where timeouts.freeze had passed, raise it above what one needs " +
    "longer to freeze than the others. Otherwise run again.";

function captureOf(set: CreatedSet, { evidence, awake, deployed, pending }: Release): Capture {
    const { requestedAt, returnedAt, apiMs } = set;
    return {
        set,
        evidence: { ...evidence, requestedAt, returnedAt, apiMs },
        awake,
        deployed,
        ...(pending === undefined ? {} : { pending }),
    };
}

/** The instance was quiesced, and there is no set. */
function withoutSet(
    error: unknown,
    { evidence, awake, froze, deployed, pending }: Release,
    mayFallBack = false,
): QuiesceError {
    const outcome = { awake, froze, deployed, bootId: evidence.bootId, pending, mayFallBack };
    return new QuiesceError(failureOf(error), outcome, { cause: error });
}
