import { setTimeout as sleep } from "node:timers/promises";
import { timing } from "./timing";

/**
 * Repeats a cheap call, so that the connection that it goes over stays open while something else takes long.
 * @returns what ends it: when that has resolved nothing is under way. A call that takes long by then is cut off.
 */
export function keepWarm(touch: (signal: AbortSignal) => Promise<unknown>): () => Promise<void> {
    const pausing = new AbortController();
    const calling = new AbortController();
    const done = repeat(touch, pausing.signal, calling.signal);
    return async () => {
        pausing.abort();
        const timer = setTimeout(() => calling.abort(), timing.lastTouchMs);
        await done;
        clearTimeout(timer);
    };
}

async function repeat(
    touch: (signal: AbortSignal) => Promise<unknown>,
    pausing: AbortSignal,
    calling: AbortSignal,
): Promise<void> {
    for (;;) {
        await sleep(timing.keepWarmMs, undefined, { signal: pausing, ref: false }).catch(() => undefined);
        if (pausing.aborted) {
            return;
        }
        // Whether it succeeds does not matter: the request that counts tells what is wrong.
        await touch(calling).catch(() => undefined);
    }
}
