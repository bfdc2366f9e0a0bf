import type { HookEnd } from "../../base/hookEnd";

const REFUSAL_CODES = [
    "HOST_BUSY",
    "WRONG_INSTANCE",
    "STALE_FREEZE",
    "HOST_UNSUITABLE",
    "POST_THAW_NOT_IDEMPOTENT",
    "NOT_ROOT",
    "HOOK_ENVIRONMENT",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** How the guard knows which instance it runs on. */
export type Identity = "dmi" | "imds" | "unverified";

const RELEASE_REASONS = ["asked", "eof", "silent", "expired", "lost", "unheld"] as const;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

export type UnfrozenReason = HookEnd | "eof" | "silent";

/** What the guard says in `freeze` and `recover` mode, after the nonce. */
export type GuardLine =
    | { kind: "refused"; code: RefusalCode; text: string }
    /** Post-thaw was run once with nothing frozen, before `ready`. */
    | { kind: "rehearsed"; end: HookEnd }
    /**
     * An earlier execution had left the host frozen; its post-thaw has succeeded. current: not its own, which failed,
     * but that of the present inputs.
     */
    | { kind: "recovered"; executionId: string; end: HookEnd; current: boolean }
    /** The marker of an earlier execution was removed on the user's word that the host is awake. */
    | { kind: "confirmed"; executionId: string }
    | { kind: "ready"; identity: Identity; bootId: string }
    | { kind: "freezing" }
    | { kind: "frozen" }
    /**
     * Pre-freeze did not succeed; post-thaw follows. eof: the connection ended, or a signal came. silent: nothing was
     * heard of us for 5 s.
     */
    | { kind: "unfrozen"; why: UnfrozenReason }
    /**
     * Only the first of a run counts. asked: the host was still held when the word came. unheld: by us, but not by the
     * scripts, by their own word.
     */
    | { kind: "releasing"; why: ReleaseReason }
    /** A try of post-thaw that failed; another one follows. current: as in `recovered`. */
    | { kind: "tried"; end: HookEnd; current: boolean }
    /** Post-thaw hung, or failed for good, and left this mount point frozen. The guard has thawed it by itself. */
    | { kind: "unfroze"; mountPoint: string }
    /** Awake when 0 or 205 (already thawed). */
    | { kind: "thawed"; end: HookEnd }
    /** The end of a failed hook's standard error. May hold secrets. */
    | { kind: "output"; hook: "pre" | "post"; bytes: Buffer }
    | { kind: "cleaned"; ok: boolean; left: string }
    /** recover: nothing of this execution is there. */
    | { kind: "gone"; identity: Identity | "other"; bootId: string }
    | { kind: "unknown"; line: string };

/** Is the host awake after a post-thaw that ended so? */
export function isAwake(end: HookEnd): boolean {
    return end === 0 || end === 205;
}

/** Reads a line of the guard. What it does not know is `unknown`: never a throw. */
export function parseGuardLine(line: string): GuardLine {
    const [word = "", ...rest] = line.split(" ");
    const [first = "", second = ""] = rest;
    const parsed = PARSERS[word]?.(first, second, rest.slice(1).join(" "));
    return parsed ?? { kind: "unknown", line };
}

type LineParser = (first: string, second: string, tail: string) => GuardLine | undefined;

const PARSERS: Readonly<Record<string, LineParser | undefined>> = {
    __proto__: null as never,
    refused: (code, _, text) => (isRefusalCode(code) ? { kind: "refused", code, text } : undefined),
    rehearsed: (exit) => {
        const end = parseHookEnd(exit);
        return end === undefined ? undefined : { kind: "rehearsed", end };
    },
    recovered: (executionId, _, tail) => {
        const [exit = "", whose] = tail.split(" ");
        const end = parseHookEnd(exit);
        return end === undefined
            ? undefined
            : { kind: "recovered", executionId, end, current: whose === "current" };
    },
    confirmed: (executionId) => (executionId === "" ? undefined : { kind: "confirmed", executionId }),
    ready: (identity, bootId) =>
        isIdentity(identity) && bootId !== "" ? { kind: "ready", identity, bootId } : undefined,
    freezing: () => ({ kind: "freezing" }),
    frozen: () => ({ kind: "frozen" }),
    unfrozen: (why) => {
        const end = why === "eof" || why === "silent" ? why : parseHookEnd(why);
        return end === undefined ? undefined : { kind: "unfrozen", why: end };
    },
    releasing: (word) => {
        const why = RELEASE_REASONS.find((one) => one === word);
        return why === undefined ? undefined : { kind: "releasing", why };
    },
    tried: (exit, whose) => {
        const end = parseHookEnd(exit);
        return end === undefined ? undefined : { kind: "tried", end, current: whose === "current" };
    },
    unfroze: (mountPoint) => (mountPoint === "" ? undefined : { kind: "unfroze", mountPoint }),
    thawed: (exit) => {
        const end = parseHookEnd(exit);
        return end === undefined ? undefined : { kind: "thawed", end };
    },
    output: (hook, base64) =>
        hook === "pre" || hook === "post"
            ? { kind: "output", hook, bytes: Buffer.from(base64, "base64") }
            : undefined,
    cleaned: (how, _, left) =>
        how === "ok" || how === "failed" ? { kind: "cleaned", ok: how === "ok", left } : undefined,
    gone: (identity, bootId) =>
        (isIdentity(identity) || identity === "other") && bootId !== ""
            ? { kind: "gone", identity, bootId }
            : undefined,
};

export function parseHookEnd(text: string): HookEnd | undefined {
    if (text === "timeout" || text === "lost") {
        return text;
    }
    return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

function isRefusalCode(text: string): text is RefusalCode {
    return (REFUSAL_CODES as readonly string[]).includes(text);
}

export function isIdentity(text: string): text is Identity {
    return ["dmi", "imds", "unverified"].includes(text);
}
