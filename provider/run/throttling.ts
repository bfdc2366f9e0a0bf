import { SnapshotError } from "../base/errors";
import { QuiesceError } from "../quiesce/quiesceError";
import { causesOf, errorsOf } from "./groupFailure";
import type { Part } from "./part";

/** The error to try again after; undefined when there is another cause, or an instance that is not known to be awake. */
export function throttledBy(error: unknown, parts: readonly Part[]): SnapshotError | undefined {
    const errors = errorsOf(error, parts);
    const causes = causesOf(errors);
    const throttled = causes.filter(isThrottled);
    const isAwake = parts.every(
        ({ capture }, index) => isKnownAwake(errors[index]) && (capture?.awake ?? true),
    );
    return isAwake && throttled.length === causes.length ? throttled[0] : undefined;
}

function isThrottled(error: unknown): error is SnapshotError {
    return error instanceof SnapshotError && error.code === "SNAPSHOT_THROTTLED";
}

function isKnownAwake(error: unknown): boolean {
    return !(error instanceof QuiesceError && !error.awake);
}
