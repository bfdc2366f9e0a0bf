import type { CreatedSet } from "../aws/createSnapshots";
import type { Failure, HookOutput } from "../base/errors";
import type { HookEnd } from "../base/hookEnd";
import type { CaptureEvidence } from "../base/evidence";
import type { Undo } from "../base/undo";

/**
 * Takes the snapshots, at once: the API slot and the connection are held already. `limitMs` bounds the answer. When
 * `givenUp` is aborted the request is not sent, if it was not by then.
 */
export type SnapshotCall = (
    limitMs: number,
    signal: AbortSignal,
    givenUp: AbortSignal,
) => Promise<CreatedSet>;

/** Why an instance is not known to be awake. */
export interface NotAwake {
    /** How the last try of post-thaw ended; absent when nobody saw one. */
    readonly postThaw?: HookEnd;
    /** The scripts' last words: for an error's text alone. */
    readonly output?: HookOutput;
    /** What keeps us from thawing, or from asking. */
    readonly obstacle?: Failure;
}

/** A freeze of this run that is not known to be over. */
export interface PendingFreeze extends NotAwake {
    /** When pre-freeze said that everything was frozen, ISO 8601; absent when it never did. */
    readonly frozenAt?: string;
    /** What went wrong before it came to thawing. */
    readonly cause?: Omit<Failure, "remedy">;
}

/** What came of quiescing and taking the set. */
export interface Capture {
    readonly set: CreatedSet;
    readonly evidence: CaptureEvidence;
    /** The image that the set is behind. */
    readonly imageId?: string;
    /** Something was put on the instance for the run, besides the process that freezes. */
    readonly deployed: boolean;
    /** Only if this is proven: see `THAW_PENDING`. */
    readonly awake: boolean;
    /** What is known when it is not. */
    readonly pending?: PendingFreeze;
}

/** What letting go has shown; what the API's answer tells comes to it. */
export interface Release {
    readonly evidence: Omit<CaptureEvidence, keyof AnswerEvidence>;
    /** Pre-freeze was started. */
    readonly froze: boolean;
    /** As in `Capture`. */
    readonly deployed: boolean;
    readonly awake: boolean;
    readonly pending?: PendingFreeze;
}

type AnswerEvidence = Pick<CaptureEvidence, "requestedAt" | "returnedAt" | "apiMs">;

/** What is held now. */
export interface Held {
    /** For how long, from now on, the answer of CreateSnapshots is worth waiting for. Milliseconds. */
    answerLimitMs(): number;
    /** Resolves when it is known to be held no more: to hold others on with it would be in vain. Never rejects. */
    readonly over: Promise<void>;
    /** Asks whether it is still held, lets go, and tells what is proven. To be called once, after the API's answer. */
    release(): Promise<Release>;
}

/** A way to freeze that leaves it to others when to let go. */
export interface Holding {
    /**
     * Everything else is ready by then.
     * @param givenUp ends the freezing, because it would be in vain
     * @throws QuiesceError, with whether the instance is awake, when it does not hold
     */
    freeze(givenUp: AbortSignal): Promise<Held>;
}

/** A way that has the set taken by somebody else than our own CreateSnapshots. */
export interface TakesSet {
    /** @throws QuiesceError when there is no set, with whether the instance is awake */
    capture(undo: Undo): Promise<Capture>;
}

/** A way to quiesce an instance. Windows and Linux, and none, are the same to the flow in `run/takeSnapshots.ts`. */
export type Quiescer = (Holding | TakesSet) & {
    /** All that can be found out without touching the instance; every failure, not the first. */
    preconditions(): Promise<Failure[]>;
    /** Puts on the instance what this run needs; registers its removal before it acts. */
    deploy(undo: Undo): Promise<void>;
    /** Wakes an instance that an earlier execution may have left frozen; answers why it is not known to be awake. */
    recover(executionId: string): Promise<NotAwake | undefined>;
    /** Ends every connection. Bounded; can be called again. */
    close(): Promise<void>;
};

export function takesSet(quiescer: Quiescer): quiescer is Extract<Quiescer, TakesSet> {
    return "capture" in quiescer;
}
