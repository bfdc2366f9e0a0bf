import type { Log } from "../../base/log";
import { setTimeout as delay } from "node:timers/promises";
import pRetry from "p-retry";
import { SshError } from "./sshError";

/** One line of progress for so many failed tries. */
const TRIES_PER_LINE = 3;

export interface RetryOptions {
    /** For all tries together. */
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly log: Log;
    /** For messages: `host:port`. */
    readonly target: string;
}

/** Timers may fire so much before `performance.now()` says so. */
const TIMER_SLACK_MS = 2;

/** Repeats an attempt while its failure is transient and time is left. Rejects with the last failure that tells most, or with the signal's reason. */
export async function retryConnect<T>(
    attempt: (remainingMs: number) => Promise<T>,
    options: RetryOptions,
): Promise<T> {
    const start = performance.now();
    const elapsed = () => performance.now() - start;
    const remaining = () => Math.max(0, options.timeoutMs - elapsed());
    const timeIsUp = () => remaining() <= TIMER_SLACK_MS;
    let tries = 0;
    let failedBefore: SshError | undefined;
    try {
        return await pRetry(
            () => {
                tries++;
                return attempt(remaining());
            },
            {
                retries: Infinity,
                // The delay is ours (below): p-retry's has no jitter once it has reached its maximum.
                minTimeout: 0,
                maxRetryTime: options.timeoutMs,
                signal: options.signal,
                shouldRetry: ({ error }) => isTransient(error) && !timeIsUp(),
                onFailedAttempt: async ({ error }) => {
                    if (!isTransient(error) || timeIsUp()) {
                        return;
                    }
                    failedBefore = error;
                    if (tries % TRIES_PER_LINE === 0) {
                        options.log(
                            `waiting for ssh on ${options.target} (${tries} tries, ${seconds(elapsed())} s): ${error.what}`,
                            "status",
                        );
                    }
                    await wait(Math.min(backOff(tries, Math.random()), remaining()), options.signal);
                },
            },
        );
    } catch (error) {
        if (options.signal.aborted || !isTransient(error)) {
            throw error;
        }
        // A try that the end of the time cut off says less than the one before it.
        throw gaveUp((timeIsUp() && failedBefore) || error, tries, elapsed());
    }
}

function isTransient(error: unknown): error is SshError {
    return error instanceof SshError && error.transient;
}

// An abort is reported by p-retry, with the signal's own reason.
async function wait(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Milliseconds to wait after so many failed tries: grows from 0.2 to 5 s, of which half is chance (`random` from 0 to 1). */
export function backOff(tries: number, random: number): number {
    const longest = Math.min(5000, 200 * 1.6 ** (tries - 1));
    return longest * (0.5 + random / 2);
}

function gaveUp(error: SshError, tries: number, elapsedMs: number): SshError {
    const { code, where, address, remedy } = error;
    const what = `${error.what} (gave up after ${tries} ${tries === 1 ? "try" : "tries"} in ${seconds(elapsedMs)} s)`;
    return new SshError({ code, where, address, remedy, what, cause: error });
}

function seconds(ms: number): string {
    return Math.round(ms / 1000).toString();
}
