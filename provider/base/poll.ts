import { pause } from "./pause";

export interface PollOptions {
    /** On the clock of `performance.now()`, in milliseconds. */
    readonly deadline: number;
    /** Pause between two tries, in milliseconds. */
    readonly interval: number;
    readonly signal: AbortSignal;
    /** Is told once, when the first try was not enough. */
    readonly onWait?: (() => void) | undefined;
}

/**
 * Calls `probe` until it answers something else than undefined. Answers undefined when the deadline has passed.
 * Whatever `probe` throws ends the polling: which errors are passing is for the probe to know.
 */
export async function poll<T>(
    probe: () => Promise<T | undefined>,
    { deadline, interval, signal, onWait }: PollOptions,
): Promise<T | undefined> {
    for (let tries = 1; ; tries += 1) {
        signal.throwIfAborted();
        const answer = await probe();
        if (answer !== undefined) {
            return answer;
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            return undefined;
        }
        if (tries === 1) {
            onWait?.();
        }
        await pause(Math.min(interval, left), signal);
    }
}
