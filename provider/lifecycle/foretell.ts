import { newExecutionId } from "../base/executionId";
import { type Failure, type ReasonCode, failureOf } from "../base/errors";
import { containsUnknown, isUnknown } from "../base/unknown";
import type { CheckFailure } from "../inputs/checkFailure";
import { limits, longestFreeze, timeoutsOf } from "../inputs/timeouts";
import type { Preflight } from "../run/preflight";
import { findsInstance } from "../transport/tunnel";
import type { Inputs } from "./request";
import type { Session } from "./session";

/** A preview that waits for longer is no preview. */
const PREFLIGHT_LIMIT_MS = 60_000;
/** Of which logging in, also to an instance that boots, may take so long. Seconds. */
const LOGIN_LIMIT_S = 45;

/**
 * What a preview says of a set that `up` would take: which instance it freezes, for how long at most, and what has not
 * been looked at. With `preflight` it looks.
 */
export async function foretell(session: Session, inputs: Inputs): Promise<CheckFailure[]> {
    const log = session.logOf(inputs);
    const isUnseen = containsUnknown([inputs.instanceId, inputs.quiesce, inputs.volumes, inputs.aws]);
    const looks = inputs.preflight !== undefined && !isUnseen;
    const { failures, endsInPlainSet } = looks ? await look(session, inputs) : NOTHING;
    log(`${freezeText(inputs)}; preview ${looks ? seenText(inputs, failures) : unseenText(inputs)}`);
    if (inputs.preflight === "fail" && !endsInPlainSet) {
        return failures.map((failure) => ({
            property: propertyOf(failure.code, inputs),
            reason: textOf(failure),
        }));
    }
    const outcome = endsInPlainSet ? ' Otherwise `pulumi up` takes a plain set, of level "crash".' : "";
    for (const failure of failures) {
        log(`warning: ${textOf(failure)}${outcome}`);
    }
    return [];
}

const NOTHING: Preflight = { failures: [], endsInPlainSet: false };

async function look(session: Session, inputs: Inputs): Promise<Preflight> {
    const { preflight } = await import("../run/preflight.js");
    const connect = Math.min(inputs.timeouts?.connect ?? limits.connect.usual, LOGIN_LIMIT_S);
    const clients = await session.clients(inputs.aws).catch((error: unknown) => failureOf(error));
    if ("code" in clients) {
        return { failures: [clients], endsInPlainSet: false };
    }
    return await preflight({
        executionId: newExecutionId(),
        inputs: { ...inputs, timeouts: { ...inputs.timeouts, connect } },
        clients,
        known: session.stack.setsOf(inputs.owner),
        healed: new Set(),
        shared: session.shared,
        log: session.logOf(inputs),
        signal: AbortSignal.timeout(PREFLIGHT_LIMIT_MS),
    });
}

function unseenText(inputs: Inputs): string {
    return inputs.preflight === undefined
        ? `has not looked at ${partsOf(inputs)} (preflight: "warn" does)`
        : "could not look at it, because not all inputs are known before `pulumi up`";
}

function seenText(inputs: Inputs, failures: readonly Failure[]): string {
    const found = failures.length === 0 ? "nothing stands against it" : "this stands against it:";
    return `has looked at ${partsOf(inputs)}, and ${found}`;
}

function freezeText(inputs: Inputs): string {
    const instance = isUnknown(inputs.instanceId) ? "an instance that is not known yet" : inputs.instanceId;
    switch (inputs.quiesce.method) {
        case "hooks":
            return (
                `\`pulumi up\` will freeze ${instance} by its scripts, for ` +
                `${containsUnknown(inputs.timeouts) ? "a time that is not known yet" : `${longestFreeze(timeoutsOf(inputs))} s`} ` +
                "at the very longest, and take snapshots"
            );
        case "vss":
            return `\`pulumi up\` will have VSS hold the writes of ${instance} for some seconds, and take snapshots`;
        case "none":
            return `\`pulumi up\` will take snapshots of ${instance}, and freeze nothing`;
    }
}

function partsOf({ quiesce }: Inputs): string {
    switch (quiesce.method) {
        case "hooks":
            return "AWS, the login, sudo, the scripts and the lock";
        case "vss":
            return "AWS, Systems Manager and the VSS components";
        case "none":
            return "AWS";
    }
}

function textOf({ code, message, remedy }: Failure): string {
    return `${code}: ${message} What to do: ${remedy}`;
}

const PROPERTIES: Partial<Record<ReasonCode, string>> = {
    SSH_UNREACHABLE: "quiesce.connection.host",
    SSH_LOGIN_REFUSED: "quiesce.connection",
    SSH_HOST_KEY_MISMATCH: "quiesce.connection.hostKey",
    SSH_PROTOCOL_ERROR: "quiesce.connection",
    TUNNEL_FAILED: "quiesce.connection.tunnel",
    UNEXPECTED_OUTPUT: "quiesce.connection.user",
    SUDO_REFUSED: "quiesce.sudo",
    SCRIPT_MISSING: "quiesce.scripts",
    SCRIPT_UNSAFE: "quiesce.scripts",
    IDENTITY_UNVERIFIED: "quiesce.verifyInstanceIdentity",
    SPLIT_VOLUME_GROUP: "volumes",
    NO_VOLUMES: "volumes",
    MULTI_ATTACH: "volumes",
    TOO_MANY_TAGS: "tags",
    CREDENTIALS: "aws",
    CREDENTIALS_EXPIRE: "aws",
    ACCESS_DENIED: "aws",
    WRONG_ACCOUNT: "aws",
    WRONG_REGION: "aws",
};

/** The input that a failure is about; most are about the instance. */
function propertyOf(code: ReasonCode, { quiesce }: Inputs): string {
    const isFound = quiesce.method === "hooks" && findsInstance(quiesce.connection.tunnel);
    return code === "SSH_UNREACHABLE" && isFound
        ? "quiesce.connection.tunnel"
        : (PROPERTIES[code] ?? "instanceId");
}
