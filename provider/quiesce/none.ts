import type { Failure } from "../base/errors";
import type { Quiescer } from "./quiescer";

/** How long the answer of CreateSnapshots is waited for when nothing is frozen meanwhile. */
const ANSWER_LIMIT_MS = 60_000;

/** Quiesces nothing: a plain, crash-consistent set. */
export function none(signal: AbortSignal): Quiescer {
    return {
        takesSetItself: false,
        preconditions: () => Promise.resolve([]),
        deploy: () => Promise.resolve(),
        capture: async (reserve) => {
            const call = await reserve();
            const set = await call(ANSWER_LIMIT_MS, signal);
            return {
                set,
                awake: true,
                deployed: false,
                evidence: {
                    method: "none",
                    vouchedBy: "nobody",
                    vouchedLevel: "crash",
                    requestedAt: set.requestedAt,
                    returnedAt: set.returnedAt,
                    apiMs: set.apiMs,
                    held: false,
                },
            };
        },
        recover: () => Promise.resolve({ obstacle: cannotWake }),
        close: () => Promise.resolve(),
    };
}

const cannotWake: Failure = {
    code: "THAW_PENDING",
    message:
        'An earlier run by scripts may have left the instance frozen, and { method: "none" } cannot reach it.',
    remedy: 'Set quiesce back to { method: "hooks", connection } until it is awake.',
};
