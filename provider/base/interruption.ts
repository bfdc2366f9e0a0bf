import { type Failure, SnapshotError } from "./errors";

/** Why a run's signal is aborted when somebody wants the process to end soon. */
export const interruptedFailure: Failure = {
    code: "INTERRUPTED",
    message: "The run was interrupted.",
    remedy: "Run again.",
};

/** Why it is aborted when nobody is left who asked for the run. */
export const engineGoneFailure: Failure = {
    code: "ENGINE_GONE",
    message: "The Pulumi engine that started this run is gone.",
    remedy: "Run again.",
};

/** Whether the process has little time left: then only what cannot wait is undone. */
export function isHurried(signal: AbortSignal): boolean {
    return isAbortedBy(signal, interruptedFailure);
}

/** Whether nobody will hear of a result any more. */
export function isUnheard(signal: AbortSignal): boolean {
    return isAbortedBy(signal, engineGoneFailure);
}

function isAbortedBy(signal: AbortSignal, { code }: Failure): boolean {
    return signal.aborted && signal.reason instanceof SnapshotError && signal.reason.code === code;
}
