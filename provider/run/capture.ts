import type { CreatedSet } from "../aws/createSnapshots";
import { failureOf } from "../base/errors";
import type { Undo } from "../base/undo";
import { QuiesceError } from "../quiesce/quiesceError";
import { type Capture, type Quiescer, type Release, type SnapshotCall, takesSet } from "../quiesce/quiescer";

/** Everything that the request needs is ready before anything is frozen; whatever the answer is, what is held is let go. */
export async function captureBy(
    quiescer: Quiescer,
    reserve: () => Promise<SnapshotCall>,
    undo: Undo,
    signal: AbortSignal,
): Promise<Capture> {
    if (takesSet(quiescer)) {
        return await quiescer.capture(undo);
    }
    const send = await reserve();
    const held = await quiescer.freeze();
    const answer = await settle(send(held.answerLimitMs, signal));
    const release = await held.release();
    if ("error" in answer) {
        throw release.froze ? withoutSet(answer.error, release) : answer.error;
    }
    return captured(answer.value, release);
}

function captured(set: CreatedSet, { evidence, awake, deployed, pending }: Release): Capture {
    const { requestedAt, returnedAt, apiMs } = set;
    return {
        set,
        evidence: { ...evidence, requestedAt, returnedAt, apiMs },
        awake,
        deployed,
        ...(pending === undefined ? {} : { pending }),
    };
}

/** The instance was quiesced, and the API did not give the set. */
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
