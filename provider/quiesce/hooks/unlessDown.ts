import { pause } from "../../base/pause";
import { timing } from "../../base/timing";

/**
 * Does what waits for a host that may be booting, and asks EC2 meanwhile: undefined as soon as nothing runs on the
 * instance.
 */
export async function unlessDown<T>(
    isDown: () => Promise<boolean>,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
    const down = new AbortController();
    const over = new AbortController();
    void watch(isDown, over.signal, () => down.abort());
    try {
        return await work(AbortSignal.any([signal, down.signal]));
    } catch (error) {
        if (down.signal.aborted && !signal.aborted) {
            return undefined;
        }
        throw error;
    } finally {
        over.abort();
    }
}

/** A question that EC2 does not answer proves nothing, and is asked again. */
async function watch(isDown: () => Promise<boolean>, over: AbortSignal, tell: () => void): Promise<void> {
    for (;;) {
        try {
            await pause(timing.downPauseMs, over);
        } catch {
            return;
        }
        if (await isDown().catch(() => false)) {
            tell();
            return;
        }
    }
}
