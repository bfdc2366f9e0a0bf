import type { Failure, HookOutput } from "../../base/errors";
import { thawByHandLater } from "./thawPending";
import { type RefusalCode, type UnfrozenReason, parseHookEnd } from "./guardLine";
import { endText } from "../../base/hookEnd";
import { QuiesceError } from "../quiesceError";

/** A process that waits for a disk cannot be killed, and whoever freezes or thaws a file system waits for its disk. */
export function ownGuardHolds(executionId: string): Failure {
    return {
        code: "HOST_BUSY",
        message:
            `The guard of ${executionId} itself still holds the lock of the host: a script that it has started cannot be ` +
            "ended, as when a disk does not answer.",
        remedy:
            "See whether all volumes of the instance answer (dmesg; their status checks). The guard thaws by itself as soon " +
            "as they do. Run again then.",
    };
}

/** Why the guard refuses. */
export function refusal(code: RefusalCode, text: string, instanceId: string): Failure {
    switch (code) {
        case "HOST_BUSY":
            return {
                code,
                message: `Another execution, ${text}, holds the lock of the host.`,
                remedy: "Run again when it has ended, or wait for it with timeouts.lock.",
            };
        case "WRONG_INSTANCE":
            return {
                code,
                message: `The host behind the address is ${text}, not ${instanceId}.`,
                remedy: "Correct `connection.host` or `instanceId`. The usual cause is an address that now belongs to another instance.",
            };
        case "STALE_FREEZE":
            return staleFreeze(text);
        case "HOST_UNSUITABLE":
            return {
                code,
                message: `The host cannot be frozen safely, because ${text}.`,
                remedy: 'See docs/linux.md, "What the instance needs".',
            };
        case "POST_THAW_NOT_IDEMPOTENT":
            return notIdempotent(text);
        case "NOT_ROOT":
            return notRoot(Number(text));
        case "HOOK_ENVIRONMENT":
            return {
                code: "INVALID_INPUT",
                message: `The shell of the host cannot set these names of \`environment\`: ${text.trim()}.`,
                remedy: "Give the variables other names, because the shell keeps these for itself.",
            };
    }
}

/** An earlier execution's freeze that its post-thaw does not end. `text`: its id, and how post-thaw ended. */
function staleFreeze(text: string): Failure {
    const [executionId = "", end = ""] = text.split(" ");
    const how = parseHookEnd(end);
    return {
        code: "STALE_FREEZE",
        message:
            `An earlier execution, ${executionId}, may have left the host frozen, and its post-thaw script ` +
            `${how === undefined ? `did not thaw it (${text})` : endText(how)}.`,
        remedy: staleRemedy(executionId),
    };
}

/** The ways out of a freeze that an earlier execution left. */
export function staleRemedy(executionId: string): string {
    return [
        "Mend that post-thaw and run again. The next run tries it first.",
        `Or ${thawByHandLater(executionId)}, and run again with confirmAwake: "${executionId}".`,
        "A reboot of the instance ends a freeze as well.",
    ].join(" ");
}

function notIdempotent(text: string): Failure {
    const how = parseHookEnd(text);
    return {
        code: "POST_THAW_NOT_IDEMPOTENT",
        message:
            `The post-thaw script ${how === undefined ? `failed (${text})` : endText(how)} when it was run with ` +
            "`thaw` while nothing was frozen. So a thaw that fails could not be told from one that has nothing to do.",
        remedy:
            "With nothing frozen, post-thaw has to exit with 0 or 205. The usual causes are `fsfreeze -u`, which exits with 1 " +
            "if nothing is frozen, and a lock file or process that is not there. scripts.rehearse: false leaves this test out.",
    };
}

/** sudo runs the guard, but not as root. */
export function notRoot(uid: number): Failure {
    return {
        code: "SUDO_REFUSED",
        message: `sudo runs commands as the user with uid ${uid}, not as root.`,
        remedy:
            "In sudoers, the account's rule has to name (root) or (ALL), and `Defaults runas_default` has to be root, " +
            'or absent; docs/linux.md, "SSH account and sudo", has the line.',
    };
}

/** No failures of quiescing alone: another host, a bad input. */
const HARD_REFUSALS: ReadonlySet<RefusalCode> = new Set(["WRONG_INSTANCE", "HOOK_ENVIRONMENT"]);

/** The guard refuses before it arms: nothing was frozen by this run. */
export function refused(
    code: RefusalCode,
    text: string,
    instanceId: string,
    output: HookOutput = {},
): QuiesceError {
    const failure = refusal(code, text, instanceId);
    return HARD_REFUSALS.has(code)
        ? new QuiesceError(failure, { awake: true, mayFallBack: false })
        : new QuiesceError(asPrecondition(failure), { awake: true, mayFallBack: true }, { output });
}

/** What was fine when it was checked is not any more: the same outcome as if the check had found it. */
function asPrecondition({ code, message, remedy }: Failure): Failure {
    return { code: "PRECONDITION_FAILED", message: `[${code}] ${message}`, remedy };
}

export function lostConnection(when: string): Failure {
    return {
        code: "CONNECTION_LOST",
        message: `The connection to the host was lost ${when}.`,
        remedy: "Run again. If it happens again, see sshd's log on the host.",
    };
}

const WHO_ENDS_GUARDS =
    "See sudo's and sshd's logs on the host. If sudoers has `command_timeout` (or TIMEOUT), sudo ends the guard. " +
    "Make it longer than a run may take, or 0 for this account. If memory was short, the kernel's log says so.";

/** The guard has said so itself: its connection lives, and a signal came from somewhere on the host. */
export function endedThere(when: string): Failure {
    return {
        code: "CONNECTION_LOST",
        message: `Something on the host ended the guard ${when}.`,
        remedy: WHO_ENDS_GUARDS,
    };
}

/** What the guard says of us, when nothing came through. */
export const UNHEARD =
    "The guard thawed, because it had heard nothing from this run for 5 s. A run reports each second that it is alive.";

/** The connection lives, as far as is known, but nothing comes. */
export function silent(when: string): Failure {
    return {
        code: "CONNECTION_LOST",
        message: `The guard on the host did not answer in time ${when}.`,
        remedy: "Check whether the host is overloaded, and run again.",
    };
}

export function unexpected(text: string): Failure {
    return {
        code: "UNEXPECTED_OUTPUT",
        message: `The host sent a line that the guard never sends: ${JSON.stringify(text.slice(0, 200))}.`,
        remedy: "Make sure that the account's shell and sudo print nothing of their own.",
    };
}

/** A host that knows nothing of the execution, and may be another one than that which was frozen. */
export function unknownHost(): Failure {
    return {
        code: "IDENTITY_UNVERIFIED",
        message:
            "The host behind the address has no trace of the execution. But it is not known whether it is the instance that " +
            "was frozen, because neither DMI nor the metadata service names it, and it has another boot id.",
        remedy: "Correct `connection.host`. Or stop the instance, because that ends every freeze, and EC2 reports it.",
    };
}

/** Pre-freeze did not succeed. */
export function notFrozen(why: UnfrozenReason, limitS: number): Failure {
    switch (why) {
        case "timeout":
            return {
                code: "PRE_FREEZE_TIMEOUT",
                message: `The pre-freeze script did not end within ${limitS} s.`,
                remedy: "Find out what it waits for, or raise timeouts.preFreeze.",
            };
        case "eof":
            return endedThere("during pre-freeze");
        case "silent":
            return {
                code: "CONNECTION_LOST",
                message: UNHEARD,
                remedy: "Run again. Check whether the network, the tunnel or this machine stood still meanwhile.",
            };
        case "lost":
            return {
                code: "PRE_FREEZE_FAILED",
                message: `The pre-freeze script, or a process that watched it, was killed.`,
                remedy: WHO_ENDS_GUARDS,
            };
        default:
            return {
                code: "PRE_FREEZE_FAILED",
                message: `The pre-freeze script ${endText(why)}.`,
                remedy: 'Run it by hand with "freeze", and then post-thaw with "thaw". showHookOutput: "onFailure" shows its stderr here.',
            };
    }
}
