import { setTimeout as sleep } from "node:timers/promises";

/** Waits; when the signal is aborted, it throws the signal's reason, as everything else does. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
        await sleep(ms, undefined, { signal });
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    }
}
