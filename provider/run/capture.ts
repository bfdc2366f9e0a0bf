import type { CreatedSet } from "../aws/createSnapshots";
import { failureOf } from "../base/errors";
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
 * wrong, everything that is held is released.
 * @throws SomeFailed; a set that there is all the same is in its part
 */
async function captureAtOnePoint<P extends Capturing>(
    captors: readonly Captor<P, Holding>[],
): Promise<(P & { capture: Capture })[]> {
    const reserved = await together(captors, async (captor) => ({ ...captor, send: await captor.reserve() }));
    const frozen = await freezeAll(reserved);
    const answered = await Promise.all(
        frozen.map(async ({ part, send, held }) => ({
            part,
            held,
            answer: await settle(send(held.answerLimitMs(), part.run.signal)),
        })),
    );
    return await together(answered, async ({ part, held, answer }) => {
        const release = await held.release();
        if ("error" in answer) {
            throw release.froze ? withoutSet(answer.error, release) : answer.error;
        }
        return Object.assign(part, { capture: captureOf(answer.value, release) });
    });
}

/** When one does not hold, those that do are released at once, and those that are on the way give up. */
async function freezeAll<C extends { readonly quiescer: Holding }>(
    captors: readonly C[],
): Promise<(C & { held: Held })[]> {
    const giveUp = new AbortController();
    const freezing = captors.map(async (captor) => {
        try {
            return { ...captor, held: await captor.quiescer.freeze(giveUp.signal) };
        } catch (error) {
            giveUp.abort(groupFailure());
            throw error;
        }
    });
    try {
        return await Promise.all(freezing);
    } catch {
        return await together(freezing, async (one) => {
            const { held } = await one;
            throw withoutSet(groupFailure(), await held.release());
        });
    }
}

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
function withoutSet(error: unknown, { evidence, awake, froze, deployed, pending }: Release): QuiesceError {
    const outcome = { awake, froze, deployed, bootId: evidence.bootId, pending, mayFallBack: false };
    return new QuiesceError(failureOf(error), outcome, { cause: error });
}

async function settle<T>(work: Promise<T>): Promise<{ value: T } | { error: unknown }> {
    try {
        return { value: await work };
    } catch (error) {
        return { error };
    }
}
