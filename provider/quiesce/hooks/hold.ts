import type { HookEnd } from "../../base/hookEnd";
import { type HookOutput, type ReasonCode, failureOf } from "../../base/errors";
import type { CaptureEvidence, ConsistencyLevel, HookRun } from "../../base/evidence";
import type { Timeouts } from "../../inputs/timeouts";
import { isHurried } from "../../base/interruption";
import { type Secret, maskSecrets } from "../../base/maskSecrets";
import { timing } from "../../base/timing";
import { UNHEARD, lostConnection, notFrozen, refusal, silent, unexpected } from "./guardFailures";
import { type GuardLine, type ReleaseReason, isAwake } from "./guardLine";
import type { GuardEvent, GuardSession } from "./guardSession";
import { QuiesceError } from "../quiesceError";
import type { Held, NotAwake, PendingFreeze, Release } from "../quiescer";

export interface HoldSettings {
    /** What the scripts vouch for. */
    readonly level: Exclude<ConsistencyLevel, "crash">;
    /** For `evidence.vouchedBy`. */
    readonly vouchedBy: CaptureEvidence["vouchedBy"];
    readonly timeouts: Pick<Timeouts, "preFreeze" | "freeze" | "postThaw">;
    /** Not to be shown in a hook's output. */
    readonly secrets: readonly Secret[];
    readonly deployed: boolean;
    readonly instanceId: string;
    readonly notCovered: readonly string[];
    readonly reach: Pick<CaptureEvidence, "route" | "hostKey">;
    readonly ready: Extract<GuardLine, { kind: "ready" }>;
    /** Asks over a fresh connection, when the guard's own report did not come; answers why it is not proven then. */
    readonly proveAwake: () => Promise<NotAwake | undefined>;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
    /** Ends the freezing alone: thawing takes the time that it needs. */
    readonly givenUp: AbortSignal;
}

/** When the process has little time left; the guard goes on by itself. */
const HURRIED_MS = 1_500;

/** Freezes, and holds until it is released. Whatever happens on the way, it ends with letting go. */
export async function hold(guard: GuardSession, settings: HoldSettings): Promise<Held> {
    const { timeouts } = settings;
    const frozen = await freeze(guard, settings);
    const expiry = frozen.frozen.at + timeouts.freeze * 1000;
    return {
        answerLimitMs: () => Math.ceil(Math.max(0, expiry - performance.now())) + timing.lateAnswerMs,
        over: guard.over,
        release: () => release(guard, frozen, settings),
    };
}

async function release(guard: GuardSession, frozen: Frozen, settings: HoldSettings): Promise<Release> {
    const asked = performance.now();
    guard.say("release");
    const thaw = await awaitThaw(guard, settings);
    const notAwake = await whyNotAwake(thaw, settings);
    const evidence = evidenceOf(frozen, thaw, asked, settings);
    const awake = notAwake === undefined;
    tell(evidence, awake, settings);
    const { time: frozenAt } = frozen.frozen;
    return {
        evidence,
        awake,
        froze: true,
        deployed: settings.deployed,
        ...(awake ? {} : { pending: { ...notAwake, frozenAt, ...causeOf(evidence) } }),
    };
}

/** Why the level is not what was vouched for, for an error that tells more than that. */
function causeOf({ reason, message = "" }: Release["evidence"]): Pick<PendingFreeze, "cause"> {
    return reason === undefined ? {} : { cause: { code: reason, message } };
}

interface Frozen {
    readonly freezing: GuardEvent;
    readonly frozen: GuardEvent;
}

/** Says the word and waits for pre-freeze to exit 0. @throws QuiesceError when it does not, after post-thaw. */
async function freeze(guard: GuardSession, settings: HoldSettings): Promise<Frozen> {
    const { timeouts } = settings;
    const signal = AbortSignal.any([settings.signal, settings.givenUp]);
    if (guard.ended) {
        // The word was not said: pre-freeze never started.
        throw new QuiesceError(lostConnection("before anything was frozen"), {
            awake: true,
            mayFallBack: true,
            deployed: settings.deployed,
        });
    }
    guard.say("freeze");
    const asked = performance.now();
    const deadline = asked + timeouts.preFreeze * 1000 + timing.guardMarginMs;
    let freezing: GuardEvent | undefined;
    for (;;) {
        const event = await nextUnlessAborted(guard, deadline, signal);
        const line = event?.line;
        if (line?.kind === "freezing" && event !== undefined && event.at >= asked) {
            freezing = event;
        } else if (line?.kind === "frozen" && event !== undefined && freezing !== undefined) {
            return { freezing, frozen: event };
        } else if (line?.kind === "cleaned" && freezing === undefined) {
            // It has left before it heard the word: a part of it died, or it had heard nothing for long.
            throw new QuiesceError(lostConnection("before anything was frozen"), {
                awake: true,
                mayFallBack: true,
                deployed: settings.deployed,
            });
        } else if (line?.kind === "refused" && freezing === undefined) {
            // It refuses before it arms: pre-freeze never started.
            const failure = refusal(line.code, line.text, settings.instanceId);
            throw new QuiesceError(failure, { awake: true, mayFallBack: true, deployed: settings.deployed });
        } else {
            throw await unfrozen(guard, event, settings);
        }
    }
}

/** An abort is no reason to stop listening: it ends like a lost connection, by letting go. */
async function nextUnlessAborted(
    guard: GuardSession,
    deadline: number,
    signal: AbortSignal,
): Promise<GuardEvent | undefined> {
    try {
        return await guard.next(deadline - performance.now(), signal);
    } catch (error) {
        if (signal.aborted) {
            return undefined;
        }
        throw error;
    }
}

/** Pre-freeze did not succeed, or it is not known whether it did: lets go, and waits for post-thaw. */
async function unfrozen(
    guard: GuardSession,
    event: GuardEvent | undefined,
    settings: HoldSettings,
): Promise<QuiesceError> {
    const lost = guard.ended;
    guard.letGo();
    const thaw = await awaitThaw(guard, settings);
    const outcome = afterFreezing(await whyNotAwake(thaw, settings), settings);
    const { signal, givenUp, timeouts } = settings;
    const ended = [signal, givenUp].find((one) => one.aborted);
    if (ended !== undefined) {
        return new QuiesceError(failureOf(ended.reason), { ...outcome, mayFallBack: false });
    }
    const failure =
        event === undefined
            ? lost
                ? lostConnection("during pre-freeze")
                : silent("during pre-freeze")
            : event.line.kind === "unfrozen"
              ? notFrozen(event.line.why, timeouts.preFreeze)
              : unexpected(event.text);
    return new QuiesceError(failure, { ...outcome, mayFallBack: true }, { output: thaw.output });
}

/** `pending`: what is known of the freeze; undefined when it is known to be over. */
function afterFreezing(pending: PendingFreeze | undefined, { deployed, ready }: HoldSettings) {
    return { awake: pending === undefined, froze: true, deployed, bootId: ready.bootId, pending };
}

interface Thaw {
    readonly releasing?: GuardEvent;
    readonly thawed?: GuardEvent;
    readonly end?: HookEnd;
    /** A try of post-thaw failed before the last one. */
    readonly triedBefore?: true;
    readonly output: HookOutput;
}

/** Listens until the guard has cleaned up, or is gone, or has had all the time that it can need. */
async function awaitThaw(
    guard: GuardSession,
    { timeouts, signal, secrets, log }: HoldSettings,
): Promise<Thaw> {
    const longest = timeouts.freeze * 1000 + 3 * (timeouts.postThaw * 1000 + timing.guardMarginMs);
    const deadline = performance.now() + longest;
    const patience = patienceOf(signal);
    let thaw: Thaw = { output: {} };
    for (;;) {
        const event = await nextUnlessAborted(guard, deadline, patience);
        if (event === undefined || event.line.kind === "cleaned") {
            return thaw;
        }
        if (event.line.kind === "unfroze") {
            log(unfrozeText(event.line.mountPoint));
        }
        thaw = withEvent(thaw, event, secrets);
    }
}

/** Post-thaw should have done it. */
export function unfrozeText(mountPoint: string): string {
    return (
        `warning: post-thaw hung or failed, and ${mountPoint} was still frozen: the guard thawed it. A post-thaw script ` +
        "must not write to a file system before it has thawed it, not even a log."
    );
}

/** Ends soon after an interruption that leaves little time. */
function patienceOf(signal: AbortSignal): AbortSignal {
    const patience = new AbortController();
    const hurry = () => {
        if (isHurried(signal)) {
            setTimeout(() => patience.abort(), HURRIED_MS).unref();
        }
    };
    if (signal.aborted) {
        hurry();
    } else {
        signal.addEventListener("abort", hurry, { once: true });
    }
    return patience.signal;
}

function withEvent(thaw: Thaw, event: GuardEvent, secrets: readonly Secret[]): Thaw {
    switch (event.line.kind) {
        case "releasing":
            // Only the first counts: whoever let go later did not hold.
            return { releasing: event, ...thaw };
        case "tried":
            return { ...thaw, triedBefore: true };
        case "thawed":
            return { ...thaw, thawed: event, end: event.line.end };
        case "output":
            return { ...thaw, output: { ...thaw.output, ...hookOutput(event.line, secrets) } };
        default:
            return thaw;
    }
}

/** What the fresh connection has seen is newer than what the guard has said. */
async function whyNotAwake({ end, output }: Thaw, settings: HoldSettings): Promise<NotAwake | undefined> {
    if (end !== undefined && isAwake(end)) {
        return undefined;
    }
    const problem = await settings.proveAwake();
    return (
        problem && {
            ...(end === undefined ? {} : { postThaw: end }),
            ...problem,
            output: { ...output, ...problem.output },
        }
    );
}

function evidenceOf(
    { freezing, frozen }: Frozen,
    thaw: Thaw,
    askedAt: number,
    settings: HoldSettings,
): Release["evidence"] {
    const { releasing, thawed, end } = thaw;
    const why = holdEnd(thaw, askedAt);
    const { ready, level, vouchedBy, notCovered, reach } = settings;
    return {
        method: "hooks",
        vouchedBy,
        vouchedLevel: level,
        identity: ready.identity,
        ...reach,
        bootId: ready.bootId,
        frozenAt: frozen.time,
        ...(releasing === undefined ? {} : { freezeWindowMs: milliseconds(releasing.at - frozen.at) }),
        ...(thawed === undefined
            ? {}
            : { thawedAt: thawed.time, quiescedMs: milliseconds(thawed.at - freezing.at) }),
        held: why === "asked",
        hooks: {
            preFreeze: { exitCode: 0, durationMs: milliseconds(frozen.at - freezing.at) },
            ...(thawed === undefined || releasing === undefined
                ? {}
                : { postThaw: run(end, thawed.at - releasing.at) }),
        },
        ...(notCovered.length === 0 ? {} : { notCovered }),
        ...(why === "asked" ? {} : notHeld[why]),
    };
}

/** Exit code of a post-thaw that found nothing to thaw (AWS Data Lifecycle Manager's convention). */
const ALREADY_THAWED = 205;

/**
 * `thawed`: by the word of post-thaw, at its first try, nothing was held any more when the guard let go. `ended`: by the
 * guard's own word, its input ended, or a signal came, before it was asked.
 */
type HoldEnd = ReleaseReason | "thawed" | "ended";

/**
 * How the hold ended. An answer from before the question proves nothing. The guard knows that it held, but not what:
 * the scripts' own word against it counts more. After a try that failed, 205 says nothing: that one may have thawed.
 */
export function holdEnd(
    { releasing, end, triedBefore }: Pick<Thaw, "releasing" | "end" | "triedBefore">,
    askedAt: number,
): HoldEnd {
    if (releasing?.line.kind !== "releasing") {
        return "eof";
    }
    const { why } = releasing.line;
    if (why !== "asked") {
        // Over a connection that lives: we hear it.
        return why === "eof" ? "ended" : why;
    }
    if (releasing.at < askedAt) {
        return "eof";
    }
    return end === ALREADY_THAWED && !triedBefore ? "thawed" : why;
}

const notHeld: Record<Exclude<HoldEnd, "asked">, { reason: ReasonCode; message: string }> = {
    expired: {
        reason: "FREEZE_EXPIRED",
        message:
            "The guard thawed the instance when timeouts.freeze had passed, before CreateSnapshots answered.",
    },
    silent: { reason: "HOLD_UNPROVEN", message: UNHEARD },
    lost: {
        reason: "HOLD_LOST",
        message:
            "A process of the guard was killed before CreateSnapshots answered, so the guard thawed. The kernel kills " +
            "processes when memory is short, and sudo does when sudoers has `command_timeout`. Their logs say so.",
    },
    ended: {
        reason: "HOLD_UNPROVEN",
        message:
            "Something on the host ended the guard before it could report that the freeze was still held. sudo does so " +
            "if sudoers has `command_timeout`. See its log, and sshd's.",
    },
    unheld: {
        reason: "HOLD_LOST",
        message:
            "When CreateSnapshots had answered, the guard asked the scripts with `check`. They reported that they did not " +
            "hold the freeze any more.",
    },
    thawed: {
        reason: "HOLD_LOST",
        message:
            "Post-thaw exited with 205 at its first try, which means that nothing was frozen any more. Either somebody else " +
            "thawed, or the scripts thaw by themselves and vouch for more than they hold.",
    },
    eof: {
        reason: "HOLD_UNPROVEN",
        message:
            "The connection to the host was lost before the guard could report that the freeze was still held.",
    },
};

function run(end: HookEnd | undefined, durationMs: number): HookRun {
    return { ...(typeof end === "number" ? { exitCode: end } : {}), durationMs: milliseconds(durationMs) };
}

/** To a tenth: what is below is noise of the network. */
function milliseconds(value: number): number {
    return Math.round(value * 10) / 10;
}

function tell(evidence: Release["evidence"], awake: boolean, { log }: HoldSettings): void {
    const { freezeWindowMs, quiescedMs, held, message } = evidence;
    const host = awake ? "the instance is awake" : "THE INSTANCE MAY STILL BE FROZEN";
    const window = freezeWindowMs === undefined ? "an unknown time" : `${freezeWindowMs} ms`;
    const outage = quiescedMs === undefined ? "" : `, quiesced for ${quiescedMs} ms`;
    log(`${host}; frozen for ${window}${outage}`);
    if (!held || message !== undefined) {
        log(`warning: ${message ?? ""}`);
    }
}

/** The guard sends so many bytes at most. */
const TAIL_BYTES = 2048;

/** A hook's last words, masked, by its name. */
export function hookOutput(
    { hook, bytes }: Extract<GuardLine, { kind: "output" }>,
    secrets: readonly Secret[],
): HookOutput {
    const text = maskSecrets(endOfOutput(bytes), secrets);
    return hook === "pre" ? { preFreeze: text } : { postThaw: text };
}

/** The end of a hook's stderr. A line that was cut may be the end of a secret, which nobody would know as one. */
export function endOfOutput(bytes: Buffer): string {
    return bytes
        .subarray(bytes.length < TAIL_BYTES ? 0 : bytes.indexOf("\n") + 1 || bytes.length)
        .toString("utf8");
}
