/** Found wrong before anything of quiescing has begun. */
export const quiescingPreconditions = [
    "SSH_UNREACHABLE",
    "SSH_LOGIN_REFUSED",
    "SSH_PROTOCOL_ERROR",
    "TUNNEL_FAILED",
    "UNEXPECTED_OUTPUT",
    "SUDO_REFUSED",
    "SCRIPT_MISSING",
    "SCRIPT_UNSAFE",
    "POST_THAW_NOT_IDEMPOTENT",
    "HOST_UNSUITABLE",
    "HOST_BUSY",
    "STALE_FREEZE",
    "SSM_NOT_MANAGED",
    "SSM_OFFLINE",
    "SSM_AGENT_TOO_OLD",
    "VSS_UNSUPPORTED",
    "VSS_COMPONENTS",
] as const;

/** Of a set that a quiescer took: what could not be proven of it. docs/levels.md has a row for each. */
export const unprovenReasons = [
    "FREEZE_EXPIRED",
    "HOLD_UNPROVEN",
    "HOLD_LOST",
    "VSS_NOT_CONSISTENT",
    "MULTI_ATTACH",
    "IDENTITY_UNVERIFIED",
    "STOPPED",
] as const;

/** Quiescing did not succeed, and a plain set may have taken the place. docs/levels.md has a row for each. */
export const unquiescedReasons = [
    "PRECONDITION_FAILED",
    "PRE_FREEZE_FAILED",
    "PRE_FREEZE_TIMEOUT",
    "CONNECTION_LOST",
    "VSS_FAILED",
    "VSS_TIMEOUT",
] as const;

/**
 * Why a snapshot has a lower level than was asked for, or why there is none. Every error text starts with one of
 * these; `evidence.reason` is one of these. docs/outcomes.md explains each.
 */
export const reasonCodes = [
    ...unprovenReasons,
    ...unquiescedReasons,
    ...quiescingPreconditions,
    // Always an error.
    "SSH_HOST_KEY_MISMATCH",
    "WRONG_INSTANCE",
    "INVALID_INPUT",
    "INSTANCE_NOT_FOUND",
    "INSTANCE_STATE",
    "NO_VOLUMES",
    "SPLIT_VOLUME_GROUP",
    "TOO_MANY_TAGS",
    "SNAPSHOT_LIMIT",
    "CREDENTIALS",
    "CREDENTIALS_EXPIRE",
    "ACCESS_DENIED",
    "WRONG_ACCOUNT",
    "WRONG_REGION",
    "AWS_ERROR",
    "SNAPSHOT_THROTTLED",
    "SNAPSHOT_REFUSED",
    "SNAPSHOT_OUTCOME_UNKNOWN",
    "VOLUMES_CHANGED",
    "DUPLICATE_SNAPSHOTS",
    "SNAPSHOT_FAILED",
    "SNAPSHOT_LOST",
    "SNAPSHOT_IN_USE",
    "SNAPSHOT_LOCKED",
    "SET_UNFINISHED",
    "GROUP_FAILED",
    "HOST_KEYS_NOT_FOUND",
    // A copy was launched, or was to be, to prove that it comes up.
    "LAUNCH_REFUSED",
    "LAUNCH_FAILED",
    "BOOT_TIMEOUT",
    "VERIFY_FAILED",
    "VERIFY_TIMEOUT",
    "COPY_LEFT",
    // The set is good, something remains to be done; the next run does it.
    "THAW_PENDING",
    "COMPLETION_PENDING",
    "TAGGING_FAILED",
    "INTERRUPTED",
    "ENGINE_GONE",
] as const;

/** One of `reasonCodes`. */
export type ReasonCode = (typeof reasonCodes)[number];

/** One thing that is wrong, before anything was done about it. */
export interface Failure {
    readonly code: ReasonCode;
    /** What failed. A sentence. */
    readonly message: string;
    /** What to do. A sentence. */
    readonly remedy: string;
}

/** The last words of the scripts, by script. */
export interface HookOutput {
    readonly preFreeze?: string;
    readonly postThaw?: string;
    readonly verify?: string;
}

export interface ErrorContext {
    readonly instanceId?: string | undefined;
    /** In the thrown text only, never in what is kept. */
    readonly output?: HookOutput | undefined;
    /** What state things are in now: the instance, the snapshots. A sentence. */
    readonly state?: string | undefined;
    readonly cause?: unknown;
}

/** An error that tells what failed, on which instance, what state things are in now, and what to do. */
export class SnapshotError extends Error {
    override readonly name = "SnapshotError";
    readonly code: ReasonCode;

    constructor(
        readonly failure: Failure,
        readonly context: ErrorContext = {},
    ) {
        super(describe(failure, context), { cause: context.cause });
        this.code = failure.code;
    }

    /** The same error, with what is known of the state of things by now. */
    withContext(context: ErrorContext): SnapshotError {
        return new SnapshotError(this.failure, { ...this.context, ...context });
    }
}

function describe(failure: Failure, { instanceId, output, state }: ErrorContext): string {
    const where = instanceId === undefined ? "" : ` (${instanceId})`;
    const parts = [`${failure.code}${where}: ${failure.message}`];
    parts.push(...outputTexts(output));
    if (state !== undefined) {
        parts.push(`State: ${state}`);
    }
    parts.push(`What to do: ${failure.remedy}`);
    return parts.join(" ");
}

function outputTexts({ preFreeze = "", postThaw = "", verify = "" }: HookOutput = {}): string[] {
    return Object.entries({
        "pre-freeze script's stderr": preFreeze,
        "post-thaw script's stderr": postThaw,
        "verify script's output": verify,
    })
        .filter(([, text]) => text !== "")
        .map(([what, text]) => `The ${what} ends: ${JSON.stringify(text)}.`);
}

/** Many failures as one: all of them are told, in order. */
export function combine(code: ReasonCode, failures: readonly Failure[]): Failure {
    const [first] = failures;
    if (failures.length === 1 && first?.code === code) {
        return first;
    }
    return {
        code,
        message: failures.map((f) => `[${f.code}] ${f.message}`).join(" "),
        remedy: failures.map((f) => f.remedy).join(" "),
    };
}

/** Anything that was thrown, as a failure. */
export function failureOf(error: unknown): Failure {
    return error instanceof SnapshotError
        ? error.failure
        : {
              code: "AWS_ERROR",
              message: messageOf(error),
              remedy: "Run again; report it if it happens again.",
          };
}

/** Anything that was thrown, as an error with a code. */
export function asSnapshotError(error: unknown): SnapshotError {
    return error instanceof SnapshotError ? error : new SnapshotError(failureOf(error), { cause: error });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

/** The same without the remedy, for a text that has its own. */
export function factOf(error: unknown): string {
    return error instanceof SnapshotError ? error.failure.message : messageOf(error);
}
