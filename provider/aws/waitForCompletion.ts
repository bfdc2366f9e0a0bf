import type { Log } from "../base/log";
import type { Snapshot } from "@aws-sdk/client-ec2";
import { setTimeout as sleep } from "node:timers/promises";
import { SnapshotError, messageOf } from "../base/errors";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { keyRemedy } from "./keyProblem";
import { awsErrorName } from "./request";
import { SetLostError } from "./setLostError";
import { describeSnapshots } from "./snapshots";

export interface CompletionOptions {
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
    readonly log: Log;
    readonly signal: AbortSignal;
}

/** The pause between two looks grows from a second to this, as snapshots of large volumes take hours. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;
/** Passing errors in a row until the waiting is given up. */
const MAX_ERRORS = 5;

/** Where a set stands. */
export interface Progress {
    readonly completed: number;
    readonly total: number;
    /** Of the whole set, 0 to 100. */
    readonly percent: number;
    /** The snapshots in status `error`, with their messages. */
    readonly failed: readonly string[];
    /** Ids of those that the answer lacks, or has in the Recycle Bin. */
    readonly gone: readonly string[];
}

export function progressOf(ids: readonly string[], snapshots: readonly Snapshot[]): Progress {
    const byId = new Map(snapshots.map((snapshot) => [snapshot.SnapshotId, snapshot]));
    const percents = ids.map((id) => percentOf(byId.get(id)));
    return {
        completed: ids.filter((id) => byId.get(id)?.State === "completed").length,
        total: ids.length,
        percent: Math.floor(percents.reduce((sum, percent) => sum + percent, 0) / Math.max(1, ids.length)),
        failed: ids.flatMap((id) => failureOf(id, byId.get(id))),
        gone: ids.filter((id) => (byId.get(id)?.State ?? "recoverable") === "recoverable"),
    };
}

function percentOf(snapshot: Snapshot | undefined): number {
    return snapshot?.State === "completed" ? 100 : Number.parseInt(snapshot?.Progress ?? "0", 10) || 0;
}

function failureOf(id: string, snapshot: Snapshot | undefined): string[] {
    if (snapshot?.State !== "error") {
        return [];
    }
    const { StateMessage = "no message", KmsKeyId } = snapshot;
    const key = KmsKeyId !== undefined && keyRemedy(StateMessage) !== undefined ? ` (key ${KmsKeyId})` : "";
    return [`${id}: ${StateMessage}${key}`];
}

/**
 * Waits until every snapshot is `completed`.
 * @throws SnapshotError `SNAPSHOT_FAILED` when one turned to `error`; `COMPLETION_PENDING` when the deadline passed or
 * the credentials ended. SetLostError when one is gone.
 */
export async function waitForCompletion(
    clients: Clients,
    ids: readonly string[],
    { deadline, log, signal }: CompletionOptions,
): Promise<void> {
    const look = looker(clients, ids, signal);
    let pause = FIRST_PAUSE_MS;
    let told = "";
    for (;;) {
        const progress = await look();
        const line =
            progress && `${progress.completed} of ${progress.total} completed, ${progress.percent} %`;
        if (line !== undefined && line !== told) {
            log(line, "status");
            told = line;
        }
        if (progress?.completed === ids.length) {
            return;
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            throw pendingError(undefined);
        }
        await sleep(Math.min(pause, left), undefined, { signal });
        pause = Math.min(pause * 1.3, LAST_PAUSE_MS);
    }
}

/** Looks at the snapshots, again and again; undefined when AWS had a passing error. */
function looker(
    clients: Clients,
    ids: readonly string[],
    signal: AbortSignal,
): () => Promise<Progress | undefined> {
    let errors = 0;
    let whole = performance.now();
    return async () => {
        const found = await describeSnapshots(clients, ids, signal).catch((error: unknown) => {
            errors += 1;
            if (!isPassing(error) || errors >= MAX_ERRORS) {
                throw pendingError(error);
            }
        });
        if (found === undefined) {
            return undefined;
        }
        errors = 0;
        const progress = progressOf(ids, found);
        if (progress.failed.length > 0) {
            throw failedError(progress.failed);
        }
        // One answer may come from a replica that has not heard of all snapshots yet.
        whole = progress.gone.length === 0 ? performance.now() : whole;
        if (performance.now() - whole > timing.visibleMs) {
            throw new SetLostError(progress.gone.map((id) => `${id} was deleted`));
        }
        return progress;
    };
}

function isPassing(error: unknown): boolean {
    return error instanceof SnapshotError && error.code === "AWS_ERROR" && awsErrorName(error) !== "";
}

function failedError(failed: readonly string[]): SnapshotError {
    const message = `A snapshot of the set failed: ${failed.join("; ")}.`;
    return new SnapshotError({
        code: "SNAPSHOT_FAILED",
        message,
        remedy:
            keyRemedy(message) ??
            "Run again. If it fails again, see the snapshot's message in the EC2 console.",
    });
}

function pendingError(cause: unknown): SnapshotError {
    const why = cause === undefined ? "the limit (timeouts.completion) has passed" : messageOf(cause);
    return new SnapshotError(
        {
            code: "COMPLETION_PENDING",
            message: `The snapshots are taken, but waiting for their completion ended: ${why}.`,
            remedy: "Run again. The next run goes on waiting, and takes no new snapshots.",
        },
        { cause },
    );
}
