import { abortable } from "../base/abortable";
import { TOLERATED_MS } from "./clock";
import { foreignAnswer, wordsOf } from "./foreignAnswer";
import { keyRemedy } from "./keyProblem";
import { type Failure, SnapshotError, messageOf } from "../base/errors";

/** An answer that takes longer is no answer. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * Sends one request, within a limit; its error becomes one of ours, with the operation's name for the IAM policy.
 * The SDK heeds the signal only once it has credentials; resolving them (a process, single sign-on) may take for ever.
 */
export async function request<T>(
    operation: string,
    signal: AbortSignal,
    send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
    signal.throwIfAborted();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    try {
        return await abortable(send(limit), limit);
    } catch (error) {
        signal.throwIfAborted();
        throw new SnapshotError(awsFailure(operation, error), { cause: error });
    }
}

/** Why AWS would not do it; undefined when it would: a dry run that succeeds is answered by the error `DryRunOperation`. */
export async function dryRun(sent: Promise<unknown>): Promise<SnapshotError | undefined> {
    try {
        await sent;
        return undefined;
    } catch (error) {
        if (awsErrorName(error) === "DryRunOperation") {
            return undefined;
        }
        if (error instanceof SnapshotError) {
            return error;
        }
        throw error;
    }
}

/** What was thrown at first, also behind an error of `request`. */
export function originalOf(error: unknown): unknown {
    return error instanceof SnapshotError ? error.context.cause : error;
}

/** AWS's own name of an error (`InvalidSnapshot.NotFound`), also of one that `request` has wrapped. */
export function awsErrorName(error: unknown): string {
    const original = originalOf(error);
    return original instanceof Error ? original.name : "";
}

/**
 * A client error (4xx) of AWS says that nothing was done; so does an error that came before anything was sent. A proxy's
 * says nothing: it may keep back an answer of AWS. Also of an error that `request` has wrapped.
 */
export function isRefusal(error: unknown): boolean {
    const original = originalOf(error);
    const status = (original as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
        ?.httpStatusCode;
    const unsent = awsErrorName(error) === "CredentialsProviderError";
    const ofAws = foreignAnswer(original) === undefined;
    return unsent || (ofAws && status !== undefined && status >= 400 && status < 500);
}

/** Refusals that pass: EC2 API reference, "Error codes"; Systems Manager API reference, "Common errors". */
const THROTTLED = new Set([
    "RateExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SnapshotCreationPerVolumeRateExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
]);

export function isThrottling(error: unknown): boolean {
    return THROTTLED.has(awsErrorName(error));
}

/** The names are of the EC2 API reference, "Error codes", of AWS STS, and (AuthException) of EC2 Instance Connect. */
const DENIED = new Set(["UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthException"]);
const RENEW = "Renew the AWS credentials and run again.";
const BAD_CREDENTIALS: Readonly<Record<string, string>> = {
    AuthFailure:
        "Check the keys. Check also that the account has enabled this region, because one that it has not enabled answers so too.",
    CredentialsProviderError:
        "Check that the profile, the role or the process that provides the credentials works, and run again.",
    ExpiredToken: RENEW,
    ExpiredTokenException: RENEW,
    InvalidClientTokenId:
        "Check that the access key is active, that a session's token is given with it, and that it is of the region's " +
        "partition (aws, aws-cn, aws-us-gov, aws-eusc).",
    OptInRequired: "Enable the region, or EC2, for the account in the AWS console, and run again.",
};
/**
 * These, and EC2's `AuthFailure`, are also what a request is answered with whose time is not AWS's (the SDK's
 * `CLOCK_SKEW_ERROR_CODES`).
 */
const BAD_TIME = new Set([
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
]);
const NO_INSTANCE = new Set([
    "InvalidInstanceID.NotFound",
    "InvalidInstanceID.Malformed",
    // Of EC2 Instance Connect.
    "EC2InstanceNotFoundException",
]);

/** What an error of AWS means to us. */
export function awsFailure(operation: string, error: unknown): Failure {
    const name = awsErrorName(error);
    const detail = `${operation}: ${wordsOf(error)}`;
    const aboutKey = keyRemedy(detail);
    if (DENIED.has(name)) {
        return {
            code: "ACCESS_DENIED",
            message: `AWS does not allow ${operation}: ${messageOf(error)}`,
            remedy: aboutKey ?? `Allow ${operation} to the caller; docs/iam.md has the whole policy.`,
        };
    }
    if (foreignAnswer(error) !== undefined) {
        return { code: "AWS_ERROR", message: `${detail}.`, remedy: SEE_TO_THE_WAY };
    }
    const clock = clockFailure(name, detail, clockOffsetOf(error));
    if (clock !== undefined) {
        return clock;
    }
    const remedy = Object.hasOwn(BAD_CREDENTIALS, name) ? BAD_CREDENTIALS[name] : undefined;
    if (remedy !== undefined) {
        return { code: "CREDENTIALS", message: detail, remedy };
    }
    if (NO_INSTANCE.has(name)) {
        return {
            code: "INSTANCE_NOT_FOUND",
            message: detail,
            remedy: "Check the instance id, the region and the account.",
        };
    }
    return {
        code: "AWS_ERROR",
        message: detail,
        remedy: aboutKey ?? "Mend the cause that AWS names, if it is not a passing one, and run again.",
    };
}

/** Of what stands between here and AWS. */
const SEE_TO_THE_WAY =
    "Run again. If it happens again, check the proxy (HTTPS_PROXY, aws:httpsProxy), load balancer or endpoint that answers in AWS's place.";

const SET_CLOCK =
    "A time service (chrony, systemd-timesyncd, w32time) keeps it right. If it is right, renew the AWS credentials. Then run again.";

/** A refusal that a wrong clock explains, though what AWS says of it is about credentials. */
function clockFailure(name: string, detail: string, offsetMs: number | undefined): Failure | undefined {
    const isOff = offsetMs !== undefined && Math.abs(offsetMs) >= TOLERATED_MS;
    if (!BAD_TIME.has(name) && !(isOff && name === "AuthFailure")) {
        return undefined;
    }
    return isOff
        ? {
              code: "CREDENTIALS",
              message: `${detail} This machine's clock is ${spanOf(offsetMs)} AWS's. AWS refuses requests that are more than 5 min off.`,
              remedy: `Set this machine's clock. ${SET_CLOCK}`,
          }
        : { code: "CREDENTIALS", message: detail, remedy: `Check this machine's clock. ${SET_CLOCK}` };
}

/** How far this machine's clock is behind that of whoever answered, in milliseconds; undefined: not known. */
function clockOffsetOf(error: unknown): number | undefined {
    const original = originalOf(error);
    const headers = (original as { $response?: { headers?: Record<string, string | undefined> } } | undefined)
        ?.$response?.headers;
    const server = Date.parse(headers?.date ?? "");
    return Number.isNaN(server) ? undefined : server - Date.now();
}

function spanOf(offsetMs: number): string {
    return `${Math.round(Math.abs(offsetMs) / 60_000)} min ${offsetMs > 0 ? "behind" : "ahead of"}`;
}
