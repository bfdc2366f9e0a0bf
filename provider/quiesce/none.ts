import type { Failure } from "../base/errors";
import type { Held, Quiescer } from "./quiescer";

/** How long the answer of CreateSnapshots is waited for when nothing is frozen meanwhile. */
const ANSWER_LIMIT_MS = 60_000;

/** Quiesces nothing: a plain, crash-consistent set. */
export function none(): Quiescer {
    return {
        preconditions: () => Promise.resolve([]),
        deploy: () => Promise.resolve(),
        freeze: () => Promise.resolve(nothingHeld),
        recover: () => Promise.resolve({ obstacle: cannotWake }),
        close: () => Promise.resolve(),
    };
}

const nothingHeld: Held = {
    answerLimitMs: () => ANSWER_LIMIT_MS,
    over: new Promise(() => undefined),
    release: () =>
        Promise.resolve({
            awake: true,
            froze: false,
            deployed: false,
            evidence: { method: "none", vouchedBy: "nobody", vouchedLevel: "crash", held: false },
        }),
};

const cannotWake: Failure = {
    code: "THAW_PENDING",
    message:
        'An earlier run by scripts may have left the instance frozen, and { method: "none" } cannot reach it.',
    remedy: 'Set quiesce back to { method: "hooks", connection } until it is awake.',
};
