import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "./errors";

type Step = () => Promise<void>;

interface Entry {
    readonly what: string;
    readonly step: Step;
    readonly onFailureOnly: boolean;
}

/**
 * What has to be taken back, in reverse order. Each step of the flow registers here *before* it acts, so that
 * success, failure and interruption go through the same unwinding.
 */
export class Undo {
    #entries: Entry[] = [];
    readonly #problems: string[] = [];

    /** What did not succeed so far. */
    get problems(): readonly string[] {
        return this.#problems;
    }

    /** Is run in any case, after success too. */
    cleanUp(what: string, step: Step): void {
        this.#entries.push({ what, step, onFailureOnly: false });
    }

    /** Is run on failure only; dropped by `commit`. */
    undo(what: string, step: Step): void {
        this.#entries.push({ what, step, onFailureOnly: true });
    }

    /** From here on what was made is kept. */
    commit(): void {
        this.#entries = this.#entries.filter((entry) => !entry.onFailureOnly);
    }

    /** Runs what is registered, last first, all within the limit. Never throws: answers what did not succeed. */
    async unwind(limitMs: number): Promise<string[]> {
        const deadline = performance.now() + limitMs;
        const problems: string[] = [];
        for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
            try {
                await within(deadline - performance.now(), entry.step());
            } catch (error) {
                problems.push(`${entry.what}: ${messageOf(error)}`);
            }
        }
        this.#problems.push(...problems);
        return problems;
    }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
    const timer = new AbortController();
    const late = sleep(Math.max(0, limitMs), undefined, { signal: timer.signal, ref: false }).then(() => {
        throw new Error("not done in time");
    });
    late.catch(() => undefined);
    try {
        await Promise.race([work, late]);
    } finally {
        timer.abort();
    }
}
