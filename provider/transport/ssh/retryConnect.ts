import type { Log } from "../../base/log";
import { setTimeout as delay } from "node:timers/promises";
import pRetry from "p-retry";
import { timing } from "../../base/timing";
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
    /** Whether the host was started so short a time ago that it may still get its users. Default: no. */
    readonly isYoung?: (() => boolean) | undefined;
}

/** Timers may fire so much before `performance.now()` says so. */
const TIMER_SLACK_MS = 2;

/** How a connecting stands when a try has failed. */
interface Standing {
    readonly tries: number;
    /** How many of them ended in a refused login. */
    readonly refusals: number;
    readonly remainingMs: number;
    readonly isYoung: boolean;
}

/**
 * Repeats an attempt while its failure is transient and time is left, and a few times when a young host refuses the login.
 * Rejects with the last failure that tells most, or with the signal's reason.
 */
export async function retryConnect<T>(
    attempt: (remainingMs: number) => Promise<T>,
    options: RetryOptions,
): Promise<T> {
    const start = performance.now();
    const elapsed = () => performance.now() - start;
    const remaining = () => Math.max(0, options.timeoutMs - elapsed());
    let tries = 0;
    let refusals = 0;
    let pauseMs: number | undefined;
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
                shouldRetry: () => pauseMs !== undefined && remaining() > TIMER_SLACK_MS,
                onFailedAttempt: async ({ error }) => {
                    refusals += isEarly(error) ? 1 : 0;
                    const isYoung = options.isYoung?.() ?? false;
                    const standing = { tries, refusals, remainingMs: remaining(), isYoung };
                    pauseMs = pauseBefore(error, standing, Math.random());
                    if (pauseMs === undefined || !(error instanceof SshError)) {
                        return;
                    }
                    failedBefore = error;
                    if (error.early || tries % TRIES_PER_LINE === 0) {
                        options.log(statusOf(error, standing, pauseMs, elapsed(), options.target), "status");
                    }
                    await wait(pauseMs, options.signal);
                },
            },
        );
    } catch (error) {
        if (options.signal.aborted || !(isTransient(error) || (isEarly(error) && refusals > 1))) {
            throw error;
        }
        // A try that the end of the time cut off says less than the one before it.
        const isCutOff = remaining() <= TIMER_SLACK_MS && isTransient(error);
        throw gaveUp((isCutOff && failedBefore) || error, tries, elapsed());
    }
}

/** How long to wait before the next try, in milliseconds; undefined: there is none. */
export function pauseBefore(
    error: unknown,
    { tries, refusals, remainingMs, isYoung }: Standing,
    random: number,
): number | undefined {
    if (isTransient(error)) {
        return remainingMs <= TIMER_SLACK_MS ? undefined : Math.min(backOff(tries, random), remainingMs);
    }
    const pauseMs = isEarly(error) && isYoung ? timing.refusedPausesMs[refusals - 1] : undefined;
    return pauseMs !== undefined && pauseMs < remainingMs ? pauseMs : undefined;
}

function statusOf(
    { early, what }: SshError,
    { tries }: Standing,
    pauseMs: number,
    elapsedMs: number,
    target: string,
): string {
    return early
        ? `${target} refuses the login, but was started only now and may still get its users, so this run tries again in ${seconds(pauseMs)} s`
        : `waiting for ssh on ${target} (${tries} tries, ${seconds(elapsedMs)} s): ${what}`;
}

function isEarly(error: unknown): error is SshError {
    return error instanceof SshError && error.early && error.where === "instance";
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
