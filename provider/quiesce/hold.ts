import { type ReasonCode, failureOf } from "../errors";
import type { CaptureEvidence, ConsistencyLevel, HookRun } from "../evidence";
import type { Timeouts } from "../inputs";
import { isHurried } from "../interrupt";
import { type Secret, maskSecrets } from "../maskSecrets";
import { timing } from "../timing";
import { lostConnection, notFrozen, refusal, silent, unexpected } from "./guardFailures";
import { type GuardLine, type HookEnd, type ReleaseReason, isAwake } from "./guardLine";
import type { GuardEvent, GuardSession } from "./guardSession";
import { QuiesceError } from "./quiesceError";
import type { Capture, CreatedSet, SnapshotCall } from "./quiescer";

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
    readonly ready: Extract<GuardLine, { kind: "ready" }>;
    /** Asks over a fresh connection, when the guard's own report did not come. */
    readonly proveAwake: () => Promise<boolean>;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
}

/** When the process has little time left; the guard goes on by itself. */
const HURRIED_MS = 1_500;

/** Freezes, has the set taken, thaws. Whatever happens on the way, it ends with letting go. */
export async function hold(
    guard: GuardSession,
    call: SnapshotCall,
    settings: HoldSettings,
): Promise<Capture> {
    const { timeouts, signal } = settings;
    const frozen = await freeze(guard, settings);
    const answer = await settle(call(timeouts.freeze * 1000 + timing.lateAnswerMs, signal));
    const asked = performance.now();
    guard.say("release");
    const thaw = await awaitThaw(guard, settings);
    const awake = await provenAwake(thaw, settings);
    if ("error" in answer) {
        throw new QuiesceError(
            failureOf(answer.error),
            { ...afterFreezing(awake, settings), mayFallBack: false },
            { cause: answer.error },
        );
    }
    const evidence = evidenceOf(answer.value, frozen, thaw, asked, settings);
    tell(evidence, awake, settings);
    const thawOutput = awake ? "" : maskSecrets(thaw.output, settings.secrets);
    return {
        set: answer.value,
        evidence,
        awake,
        deployed: settings.deployed,
        ...(thawOutput === "" ? {} : { thawOutput }),
    };
}

interface Frozen {
    readonly freezing: GuardEvent;
    readonly frozen: GuardEvent;
}

/** Says the word and waits for pre-freeze to exit 0. @throws QuiesceError when it does not, after post-thaw. */
async function freeze(guard: GuardSession, settings: HoldSettings): Promise<Frozen> {
    const { timeouts, signal } = settings;
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
    const awake = await provenAwake(thaw, settings);
    const { signal, timeouts } = settings;
    if (signal.aborted) {
        const failure = failureOf(signal.reason);
        return new QuiesceError(failure, { ...afterFreezing(awake, settings), mayFallBack: false });
    }
    const output = maskSecrets(thaw.output, settings.secrets);
    const failure =
        event === undefined
            ? lost
                ? lostConnection("during pre-freeze")
                : silent("during pre-freeze")
            : event.line.kind === "unfrozen"
              ? notFrozen(event.line.why, timeouts.preFreeze)
              : unexpected(event.text);
    return new QuiesceError(failure, { ...afterFreezing(awake, settings), mayFallBack: true }, { output });
}

function afterFreezing(awake: boolean, { deployed, ready }: HoldSettings) {
    return { awake, froze: true, deployed, bootId: ready.bootId };
}

interface Thaw {
    readonly releasing?: GuardEvent;
    readonly thawed?: GuardEvent;
    readonly end?: HookEnd;
    /** The end of a failed hook's stderr. */
    readonly output: string;
}

/** Listens until the guard has cleaned up, or is gone, or has had all the time that it can need. */
async function awaitThaw(guard: GuardSession, { timeouts, signal }: HoldSettings): Promise<Thaw> {
    const longest = timeouts.freeze * 1000 + 3 * (timeouts.postThaw * 1000 + timing.guardMarginMs);
    const deadline = performance.now() + longest;
    const patience = patienceOf(signal);
    let thaw: Thaw = { output: "" };
    for (;;) {
        const event = await nextUnlessAborted(guard, deadline, patience);
        if (event === undefined || event.line.kind === "cleaned") {
            return thaw;
        }
        thaw = withEvent(thaw, event);
    }
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

function withEvent(thaw: Thaw, event: GuardEvent): Thaw {
    switch (event.line.kind) {
        case "releasing":
            // Only the first counts: whoever let go later did not hold.
            return { releasing: event, ...thaw };
        case "thawed":
            return { ...thaw, thawed: event, end: event.line.end };
        case "output":
            return { ...thaw, output: hookOutput(event.line.bytes) };
        default:
            return thaw;
    }
}

async function provenAwake({ end }: Thaw, settings: HoldSettings): Promise<boolean> {
    return (end !== undefined && isAwake(end)) || (await settings.proveAwake());
}

function evidenceOf(
    set: CreatedSet,
    { freezing, frozen }: Frozen,
    thaw: Thaw,
    askedAt: number,
    settings: HoldSettings,
): CaptureEvidence {
    const { releasing, thawed, end } = thaw;
    const why = holdEnd(releasing, askedAt);
    const { ready, level, vouchedBy, notCovered } = settings;
    return {
        method: "hooks",
        vouchedBy,
        vouchedLevel: level,
        identity: ready.identity,
        bootId: ready.bootId,
        frozenAt: frozen.time,
        requestedAt: set.requestedAt,
        returnedAt: set.returnedAt,
        ...(releasing === undefined ? {} : { freezeWindowMs: milliseconds(releasing.at - frozen.at) }),
        ...(thawed === undefined
            ? {}
            : { thawedAt: thawed.time, quiescedMs: milliseconds(thawed.at - freezing.at) }),
        apiMs: milliseconds(set.apiMs),
        held: why === "asked",
        hooks: {
            preFreeze: { exitCode: 0, durationMs: milliseconds(frozen.at - freezing.at) },
            ...(thawed === undefined || releasing === undefined
                ? {}
                : { postThaw: run(end, thawed.at - releasing.at) }),
        },
        ...(notCovered.length === 0 ? {} : { notCovered }),
        ...(end === ALREADY_THAWED ? { message: alreadyThawed } : {}),
        ...(why === "asked" ? {} : notHeld[why]),
    };
}

/** Exit code of a post-thaw that found nothing to thaw (AWS Data Lifecycle Manager's convention). */
const ALREADY_THAWED = 205;
const alreadyThawed =
    "The post-thaw script says (exit 205) that it found everything thawed already: if nobody else thawed it, the " +
    "scripts did so by themselves, and vouch for more than they hold.";

/** How the hold ended. An answer from before the question proves nothing. */
export function holdEnd(releasing: GuardEvent | undefined, askedAt: number): ReleaseReason {
    if (releasing?.line.kind !== "releasing") {
        return "eof";
    }
    const { why } = releasing.line;
    return why === "asked" && releasing.at < askedAt ? "eof" : why;
}

const notHeld: Record<Exclude<ReleaseReason, "asked">, { reason: ReasonCode; message: string }> = {
    expired: {
        reason: "FREEZE_EXPIRED",
        message:
            "The guard thawed the instance when timeouts.freeze had passed, before CreateSnapshots answered.",
    },
    lost: {
        reason: "HOLD_LOST",
        message:
            "A process that held the freeze was killed before CreateSnapshots answered; the guard thawed.",
    },
    unheld: {
        reason: "HOLD_LOST",
        message:
            "Asked with `check` when CreateSnapshots had answered, the scripts said that they did not hold any more " +
            "what they had frozen.",
    },
    eof: {
        reason: "HOLD_UNPROVEN",
        message: "The connection to the host was lost before it could say that the freeze was still held.",
    },
};

function run(end: HookEnd | undefined, durationMs: number): HookRun {
    return { ...(typeof end === "number" ? { exitCode: end } : {}), durationMs: milliseconds(durationMs) };
}

/** To a tenth: what is below is noise of the network. */
function milliseconds(value: number): number {
    return Math.round(value * 10) / 10;
}

function tell(evidence: CaptureEvidence, awake: boolean, { log }: HoldSettings): void {
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

/** The end of a hook's stderr. A line that was cut may be the end of a secret, which nobody would know as one. */
export function hookOutput(bytes: Buffer): string {
    return bytes
        .subarray(bytes.length < TAIL_BYTES ? 0 : bytes.indexOf("\n") + 1 || bytes.length)
        .toString("utf8");
}

async function settle<T>(work: Promise<T>): Promise<{ value: T } | { error: unknown }> {
    try {
        return { value: await work };
    } catch (error) {
        return { error };
    }
}
