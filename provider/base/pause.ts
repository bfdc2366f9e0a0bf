import { setTimeout as sleep } from "node:timers/promises";

/** Waits; when the signal is aborted, it throws the signal's reason, as everything else does. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
        // A timer drops what is less than a millisecond, and would wake before the time.
        await sleep(Math.ceil(ms), undefined, { signal });
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    }
}
