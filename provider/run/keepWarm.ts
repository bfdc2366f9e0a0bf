import { setTimeout as sleep } from "node:timers/promises";
import { timing } from "../base/timing";

/** Connections that are kept open while something else takes long. */
export interface Warm<T> {
    /** The connection to use now, at once. None is touched from then on. */
    pick(): T;
    /** When it has resolved nothing is under way. */
    end(): Promise<void>;
}

/**
 * Keeps connections open by a cheap call over each of them, one after the other: while one is busy with its call, another
 * is idle and open. So whoever picks one neither waits for a call nor cuts one off.
 *
 * A server that closes a connection at the very moment at which a request is sent leaves unknown what became of it. It
 * does so after some time of idleness, so the one that has answered last is picked: it has been idle for no longer than
 * the pause and one call. What a server has closed before, or says that it will (`Keep-Alive`), Node does not use.
 */
export function keepWarm<T>(
    connections: readonly [T, T, ...T[]],
    touch: (connection: T, signal: AbortSignal) => Promise<unknown>,
): Warm<T> {
    const pausing = new AbortController();
    const calling = new AbortController();
    /** The one that has answered last comes last. */
    let byAnswer: readonly T[] = connections;
    let busy: T | undefined;

    const repeat = async () => {
        for (let turn = 0; ; turn += 1) {
            await sleep(timing.keepWarmMs, undefined, { signal: pausing.signal, ref: false }).catch(
                () => undefined,
            );
            if (pausing.signal.aborted) {
                return;
            }
            const connection = connections[turn % connections.length] ?? connections[0];
            busy = connection;
            const limit = AbortSignal.any([calling.signal, AbortSignal.timeout(timing.touchLimitMs)]);
            // That it does not succeed does not matter: the request that counts tells what is wrong.
            const answered = await touch(connection, limit).then(
                () => true,
                () => false,
            );
            busy = undefined;
            if (answered) {
                byAnswer = [...byAnswer.filter((one) => one !== connection), connection];
            }
        }
    };
    const done = repeat();

    return {
        pick: () => {
            pausing.abort();
            return byAnswer.findLast((connection) => connection !== busy) ?? connections[0];
        },
        end: async () => {
            pausing.abort();
            calling.abort();
            await done;
        },
    };
}
