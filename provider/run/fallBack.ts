import { SnapshotError, failureOf } from "../base/errors";
import { minimumLevelOf } from "../inputs/inputs";
import { none } from "../quiesce/none";
import { ownThawPending } from "../quiesce/hooks/thawPending";
import { QuiesceError } from "../quiesce/quiesceError";
import { capture } from "./capture";
import { causesOf, errorsOf, groupFailure } from "./groupFailure";
import { type Captured, type Sourced, cleanUp } from "./part";
import { reserve } from "./reserve";
import { hostState, pendingOf } from "./takeBack";
import { SomeFailed } from "./together";

/** Takes the sets; plain ones, of all, when one could not be quiesced and `minimumLevel` allows that. */
export async function captureAtLeastMinimum(
    parts: readonly Sourced[],
    take: (parts: readonly Sourced[]) => Promise<Captured[]>,
): Promise<Captured[]> {
    try {
        return await take(parts);
    } catch (error) {
        const errors = errorsOf(error, parts);
        const mayFallBack =
            causesOf(errors).every((cause) => cause instanceof QuiesceError && cause.mayFallBack) &&
            parts.every(({ run }) => minimumLevelOf(run.inputs) === "crash");
        if (!mayFallBack) {
            throw error;
        }
        const failed = parts.map((part, index) => ({ part, error: quiesceErrorOf(errors[index]) }));
        await Promise.all(failed.map(unwind));
        await capturePlain(failed);
        return failed.map(withReason);
    }
}

interface Failed {
    readonly part: Sourced;
    readonly error: QuiesceError;
}

/** One that has no error was not frozen yet when another one failed. */
function quiesceErrorOf(error: unknown): QuiesceError {
    return error instanceof QuiesceError
        ? error
        : new QuiesceError(failureOf(error ?? groupFailure()), { awake: true, mayFallBack: true });
}

async function unwind({ part, error }: Failed): Promise<void> {
    part.run.log(`warning: ${fallbackMessage(part, error)}`);
    await cleanUp(part);
}

/** Without the hooks' last words: they may hold what no state and no log should. */
function fallbackMessage({ run }: Sourced, error: QuiesceError): string {
    const failure = error.awake
        ? error.failure
        : { ...error.failure, remedy: ownThawPending(run, pendingOf(error)).remedy };
    return new SnapshotError(failure, {
        instanceId: run.inputs.instanceId,
        state: `${hostState(error.awake, error.froze)}; a crash-consistent set was taken instead.`,
    }).message;
}

/** A failure of the plain set does not make anybody forget that an instance may still be frozen. */
async function capturePlain(failed: readonly Failed[]): Promise<void> {
    try {
        await capture(
            failed.map(({ part }) => ({
                part,
                quiescer: none(),
                reserve: () => reserve(part.run, part.source, part.undo),
            })),
        );
    } catch (error) {
        const errors = errorsOf(error, failed);
        throw new SomeFailed(
            failed.map(({ error: { awake, froze, bootId, pending } }, index) => {
                const cause = errors[index] ?? groupFailure();
                const outcome = { awake, froze, bootId, pending, mayFallBack: false };
                return new QuiesceError(failureOf(cause), outcome, { cause });
            }),
        );
    }
}

function withReason({ part, error }: Failed): Captured {
    const captured = part as Captured;
    const { method } = part.run.inputs.quiesce;
    return Object.assign(part, {
        capture: {
            ...captured.capture,
            awake: error.awake,
            ...(error.awake ? {} : { pending: pendingOf(error) }),
            deployed: error.deployed,
            evidence: {
                ...captured.capture.evidence,
                method,
                reason: error.code,
                message: fallbackMessage(part, error),
            },
        },
    });
}
