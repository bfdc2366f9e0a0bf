import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { abortable } from "../base/abortable";
import type { Waiting } from "../base/log";
import { timing } from "../base/timing";
import type { Undo } from "../base/undo";

/**
 * Runs of this process that begin at once, however many the engine begins. Logins and questions of many
 * more would keep those busy that have an instance frozen, lengthening its freeze; `sshd`, so a bastion too, refuses
 * some of the logins beyond as many (sshd_config(5), `MaxStartups`: 10 by default).
 */
export const AT_ONCE = 10;

/** One of `AT_ONCE` for each run. */
export class Turns {
    readonly #turns = pLimit(AT_ONCE);

    /**
     * Waits for one of the turns. It ends with the clean-up, or after `timing.turnMs`: who waits for an instance to boot,
     * or for a slow pre-freeze, keeps this process busy no more, and need not keep the others waiting.
     */
    async take(undo: Undo, { log, signal }: Waiting): Promise<void> {
        const over = new AbortController();
        undo.cleanUp("let others have their turn", () => {
            over.abort();
            return Promise.resolve();
        });
        if (this.#turns.activeCount + this.#turns.pendingCount >= AT_ONCE) {
            log(`waiting for its turn, as ${AT_ONCE} others are beginning`, "status");
        }
        const begun = new Promise<void>((begin) => {
            void this.#turns(async () => {
                begin();
                await sleep(timing.turnMs, undefined, { signal: over.signal, ref: false }).catch(
                    () => undefined,
                );
            });
        });
        await abortable(begun, signal);
    }
}
