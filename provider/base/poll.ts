import { pause } from "./pause";

export interface PollOptions {
    /** On the clock of `performance.now()`, in milliseconds. */
    readonly deadline: number;
    /** Pause between two tries, in milliseconds. */
    readonly interval: number;
    readonly signal: AbortSignal;
}

/**
 * Calls `probe` until it answers something else than undefined. Answers undefined when the deadline has passed.
 * Whatever `probe` throws ends the polling: which errors are passing is for the probe to know.
 */
export async function poll<T>(
    probe: () => Promise<T | undefined>,
    { deadline, interval, signal }: PollOptions,
): Promise<T | undefined> {
    for (;;) {
        signal.throwIfAborted();
        const answer = await probe();
        if (answer !== undefined) {
            return answer;
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            return undefined;
        }
        await pause(Math.min(interval, left), signal);
    }
}
