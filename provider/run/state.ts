import type { ConsistencyLevel, Evidence } from "../base/evidence";
import { SnapshotError } from "../base/errors";
import { type VssQuiesce, imagePrefix, makesImage } from "../inputs/inputs";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";

/** What the resource's outputs hold, besides copies of the inputs that `delete` and `diff` need. */
export interface SnapshotState {
    readonly snapshotIds: readonly string[];
    readonly snapshots: readonly SnapshotInfo[];
    readonly consistencyLevel: ConsistencyLevel;
    readonly evidence: Evidence;
    readonly instance: InstanceFacts;
    readonly thawPending: boolean;
    readonly startTime: string;
    /** The image that the set is behind, if one was asked for. */
    readonly imageId?: string;
    /** What of `quiesce` replaces the resource when it changes; `quiesce` itself holds secrets and is never copied. */
    readonly quiesced: QuiesceKey;
    /** The set carries `state=complete`: no later run takes it for an abandoned one. */
    readonly recorded: boolean;
    /** Waiting for completion ended early: the next run goes on with it. */
    readonly unfinished: boolean;
    /** Snapshots that were deleted or failed behind Pulumi's back, as `read` found. */
    readonly lost: readonly string[];
    /**
     * Earlier executions whose freeze this run has found, or made, to be over. Their own states do not say so, and
     * the engine may delete them in a later process, which hands no inputs over to ask the host with.
     */
    readonly healed?: readonly string[];
    /** Sets of the same resource that the engine may not have deleted yet. */
    readonly replaced?: readonly string[];
}

export interface QuiesceKey {
    readonly method: string;
    readonly noWriters?: boolean;
    readonly createImage?: string;
}

export function quiesceKey({ method, noWriters, createImage }: QuiesceInputs): QuiesceKey {
    return {
        method,
        ...(noWriters ? { noWriters } : {}),
        ...(makesImage({ createImage }) ? { createImage: imagePrefix(createImage) } : {}),
    };
}

interface QuiesceInputs {
    readonly method: string;
    readonly noWriters?: boolean | undefined;
    readonly createImage?: VssQuiesce["createImage"];
}

/** Plain JSON: Pulumi's protocol fails on undefined, after the snapshots were made. */
export function toState<T extends object>(values: T): T {
    return JSON.parse(JSON.stringify(values)) as T;
}

/** The work so far is recorded in `state`; the next run goes on with it. */
export class UnfinishedError extends SnapshotError {
    constructor(
        error: SnapshotError,
        readonly state: SnapshotState,
    ) {
        super(error.failure, error.context);
    }
}
