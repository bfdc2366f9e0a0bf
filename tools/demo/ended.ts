import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { INTERRUPTIONS } from "../interruptions";

/** Several times what a slow machine needs for one command. */
const COMMAND_LIMIT_MS = 300_000;

/**
 * Resolves when a command has succeeded.
 * @throws when it failed, did not end in time, or the demo is interrupted. A command that ended by such a signal is
 * the demo's interruption too: sent to the whole group, it can meet a child that has no group of its own yet, and whose
 * end is heard of first.
 */
export async function ended(child: ChildProcess, name: string, interruption: AbortController): Promise<void> {
    const limit = AbortSignal.timeout(COMMAND_LIMIT_MS);
    const exit = once(child, "exit", { signal: AbortSignal.any([interruption.signal, limit]) });
    const [code, signal] = (await exit.catch((cause: unknown) => {
        throw new Error(`"${name}" did not end`, { cause });
    })) as [number | null, NodeJS.Signals | null];
    if (INTERRUPTIONS.some((one) => one === signal)) {
        interruption.abort();
    }
    if (code !== 0) {
        throw new Error(`"${name}" ended with ${code ?? signal}`);
    }
}
