import type { ReasonCode } from "./errors";

/** How consistent a set of snapshots is, best first. */
export const levels = ["application", "filesystem", "crash"] as const;
/** What is proven of a set, best first: `application`, `filesystem`, `crash`. docs/levels.md says when there is which. */
export type ConsistencyLevel = (typeof levels)[number];

/** One run of a hook script. */
export interface HookRun {
    /** Exit code; absent when it was ended by its time limit or by the end of the connection. */
    readonly exitCode?: number;
    /** Milliseconds, by the controller's monotonic clock. */
    readonly durationMs: number;
}

/** What is known of a run of VSS. */
export interface VssEvidence {
    /** Name of the Systems Manager document. */
    readonly document: string;
    /** Of the Systems Manager command that ran the document. */
    readonly commandId: string;
    /** Of AwsVssComponents; empty when it could not be told. */
    readonly componentsVersion: string;
    /** Whether the components were installed for this run. */
    readonly installedByUs: boolean;
    /** By snapshot id: whether AWS's tag `AppConsistent` is True. */
    readonly appConsistent: Readonly<Record<string, boolean>>;
    /** No snapshot has the tag: `appConsistent` is what the tag on the image says, for the whole of it. */
    readonly byImage?: true;
}

/** How it was made sure that the host behind the address is the instance. */
export type IdentityProof = "dmi" | "imds" | "unverified" | "ssm";

/** How the host's SSH port was reached. `bastion by command`: the bastion, too, was reached by a tunnel. */
export type RouteName =
    | "tcp"
    | "command"
    | "instance-connect-endpoint"
    | "bastion"
    | "bastion by command"
    | "bastion by instance-connect-endpoint";

/**
 * How it was made sure that no other server posed as the host: its key was the given one, or (`aws`) there is none, and AWS
 * led to the instance by its id. ignored: it was not, by `insecureIgnoreHostKey`.
 */
export type HostKeyProof = "pinned" | "aws" | "ignored";

/** What the quiescer saw. The level is computed from this, never from what was intended. */
export interface CaptureEvidence {
    /** How the instance was quiesced. */
    readonly method: "hooks" | "vss" | "none";
    /**
     * Who says that the applications were quiescent while the freeze was held: `script`, `vss`, `nobody`, or
     * `recipe:<name>`, scripts that were asked themselves, in the end, whether they still held it.
     */
    readonly vouchedBy: string;
    /** What they vouch for. */
    readonly vouchedLevel: ConsistencyLevel;
    /** How it was made sure that the host is the instance; absent where no host was asked. */
    readonly identity?: IdentityProof;
    /** Of scripts over SSH. */
    readonly route?: RouteName;
    /** Of scripts over SSH. */
    readonly hostKey?: HostKeyProof;
    /** Linux boot id of the host at the time of the freeze. */
    readonly bootId?: string;
    /** Pre-freeze exited 0 at. ISO 8601, by the controller's clock, as all times here. */
    readonly frozenAt?: string;
    /** CreateSnapshots was sent at. */
    readonly requestedAt: string;
    /** CreateSnapshots answered at. */
    readonly returnedAt: string;
    /** Post-thaw ended at. */
    readonly thawedAt?: string;
    /** Pre-freeze's end to letting go, milliseconds. */
    readonly freezeWindowMs?: number;
    /** Pre-freeze's start to post-thaw's end: the outage that users feel, milliseconds. */
    readonly quiescedMs?: number;
    /** How long CreateSnapshots took, milliseconds. */
    readonly apiMs: number;
    /**
     * The freeze was held for all of it: the guard answered to a word sent after CreateSnapshots had answered, or every
     * snapshot carries VSS's `AppConsistent`.
     */
    readonly held: boolean;
    /** With `method: "vss"` only. */
    readonly vss?: VssEvidence;
    /** Runs of the scripts, with `method: "hooks"` only. */
    readonly hooks?: {
        /** The pre-freeze script. */
        readonly preFreeze?: HookRun;
        /** The post-thaw script. */
        readonly postThaw?: HookRun;
    };
    /** Mounted file systems that are in no snapshot: instance store and network file systems. */
    readonly notCovered?: readonly string[];
    /** Why the freeze was not held, or why there was none. */
    readonly reason?: ReasonCode;
    /** The same in a sentence. */
    readonly message?: string;
}

/** What only the run that took the set has seen. */
type SeenInRun = Pick<
    CaptureEvidence,
    "method" | "vouchedBy" | "requestedAt" | "returnedAt" | "apiMs" | "held"
>;

/**
 * The proof of a level: output `evidence`. A run tells all of it; of a set that `get` found by its tags, what these do
 * not prove is absent.
 */
export interface Evidence
    extends Omit<CaptureEvidence, "vouchedLevel" | "identity" | keyof SeenInRun>, Partial<SeenInRun> {
    /** Of the run that took the set, `acs-...`: the resource's id. */
    readonly executionId: string;
    /** How it was made sure that the host is the instance; absent where no host was asked. */
    readonly identity?: IdentityProof;
    /**
     * Only while a part of the set is lost, as `pulumi refresh` has found: the level that was proven when it was taken. The
     * output `consistencyLevel` is `crash` then.
     */
    readonly takenLevel?: ConsistencyLevel;
    /** `pending` until every snapshot has reached status `completed`. */
    readonly completion: "completed" | "pending";
    /** Whether what was put on the instance for the run is gone again. */
    readonly cleanup?: "done" | "nothingToDo" | "failed";
}

/** The times of a group of several instances, by the controller's clock. What is not known of each is absent. */
export interface GroupEvidence {
    /** The first CreateSnapshots was sent at. ISO 8601. */
    readonly firstRequestAt?: string;
    /** The last CreateSnapshots answered at. */
    readonly lastAnswerAt?: string;
    /** The longest freeze window of a member, milliseconds. */
    readonly longestFreezeMs?: number;
}
