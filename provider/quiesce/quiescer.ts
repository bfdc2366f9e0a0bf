import type { CreatedSet } from "../aws/createSnapshots";
import type { Failure, HookOutput } from "../base/errors";
import type { HookEnd } from "../base/hookEnd";
import type { CaptureEvidence } from "../base/evidence";
import type { Undo } from "../base/undo";

/** Takes the snapshots, at once: the API slot and the connection are held already. `limitMs` bounds the answer. */
export type SnapshotCall = (limitMs: number, signal: AbortSignal) => Promise<CreatedSet>;

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

/** A way to quiesce an instance. Windows and Linux, and none, are the same to the flow in `takeSnapshot.ts`. */
export interface Quiescer {
    /** Has the set taken by somebody else than our own CreateSnapshots: `capture` never calls `reserve`. */
    readonly takesSetItself: boolean;
    /** All that can be found out without touching the instance; every failure, not the first. */
    preconditions(): Promise<Failure[]>;
    /** Puts on the instance what this run needs; registers its removal before it acts. */
    deploy(undo: Undo): Promise<void>;
    /**
     * Quiesces, has the set taken, wakes the instance. Calls `reserve` before anything is frozen; one that takes the
     * set itself never calls it. Throws `QuiesceError` when there is no set, with whether the instance is awake.
     */
    capture(reserve: () => Promise<SnapshotCall>, undo: Undo): Promise<Capture>;
    /** Wakes an instance that an earlier execution may have left frozen; answers why it is not known to be awake. */
    recover(executionId: string): Promise<NotAwake | undefined>;
    /** Ends every connection. Bounded; can be called again. */
    close(): Promise<void>;
}
