import type { Run } from "../../provider/run/run";
import { Shared } from "../../provider/run/shared";

/** A run that shares nothing with another one, of a stack that knows of no other set; somebody always hears of it. */
export function runOf(
    needed: Pick<Run, "executionId" | "inputs" | "clients"> & Partial<Pick<Run, "log" | "signal">>,
): Run {
    return {
        known: new Set(),
        healed: new Set(),
        shared: new Shared(() => Promise.resolve(false)),
        log: () => undefined,
        signal: new AbortController().signal,
        ...needed,
    };
}
