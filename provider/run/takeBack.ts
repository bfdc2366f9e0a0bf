import { SnapshotError, asSnapshotError } from "../base/errors";
import { isHurried } from "../base/interruption";
import { ownThawPending } from "../quiesce/hooks/thawPending";
import { QuiesceError } from "../quiesce/quiesceError";
import type { Capture, PendingFreeze } from "../quiesce/quiescer";
import { errorsOf, groupFailure } from "./groupFailure";
import { CLEAN_UP_LIMIT_MS, type Part } from "./part";
import { UnfinishedError } from "./state";
import { emptyState } from "./stateOf";

/** Nothing of any of them is kept. Answers the error of each. */
export async function takeBackAll(parts: readonly Part[], error: unknown): Promise<SnapshotError[]> {
    const errors = errorsOf(error, parts);
    return await Promise.all(parts.map((part, index) => takeBack(part, errors[index] ?? groupFailure())));
}

/** Undoes what was done; the error tells what state things are in then. */
export async function takeBack({ run, undo, source, capture }: Part, error: unknown): Promise<SnapshotError> {
    const problems = await undo.unwind(isHurried(run.signal) ? INTERRUPTED_LIMIT_MS : UNDO_LIMIT_MS);
    if (error instanceof UnfinishedError) {
        return error;
    }
    const awake = error instanceof QuiesceError ? error.awake : (capture?.awake ?? true);
    const leftovers =
        problems.length === 0
            ? "no snapshot was kept."
            : `the next run deletes what could not be undone now (${problems.join("; ")}).`;
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

export function hostState(awake: boolean, froze: boolean): string {
    if (!awake) {
        return "THE INSTANCE MAY STILL BE FROZEN";
    }
    return froze ? "the instance is awake" : "nothing is frozen by this run";
}

/** What is known of a freeze when the run fails. */
export function pendingOf(error: SnapshotError, capture?: Capture): PendingFreeze {
    const known = error instanceof QuiesceError ? error.pending : capture?.pending;
    return { ...known, cause: error.failure };
}

/** And the 2 min that a set of unknown outcome is looked for. */
const UNDO_LIMIT_MS = CLEAN_UP_LIMIT_MS + 180_000;
/** Pulumi kills the provider 5 s after the SIGINT (sdk/go/common/resource/plugin, `Close`); thawing came first. */
const INTERRUPTED_LIMIT_MS = 2_000;
