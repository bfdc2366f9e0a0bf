import type { Failure } from "../errors";
import type { HookEnd, RefusalCode } from "./guardLine";
import { QuiesceError } from "./quiesceError";

/** Why the guard refuses. */
export function refusal(code: RefusalCode, text: string, instanceId: string): Failure {
    const failures: Record<RefusalCode, Failure> = {
        HOST_BUSY: {
            code: "HOST_BUSY",
            message: `Another execution, ${text}, holds the host.`,
            remedy: "Run again when it has ended, or wait for it with timeouts.lock.",
        },
        WRONG_INSTANCE: {
            code: "WRONG_INSTANCE",
            message: `The host behind the address is ${text}, not ${instanceId}.`,
            remedy: "Correct `connection.host` or `instanceId`; an address that was reused is the usual cause.",
        },
        STALE_FREEZE: {
            code: "STALE_FREEZE",
            message: `An earlier execution left the host frozen, and its post-thaw script fails: ${text}.`,
            remedy: 'Run the post-thaw script with "thaw" as root on the instance and see why it fails; then run again.',
        },
        HOST_UNSUITABLE: {
            code: "HOST_UNSUITABLE",
            message: `The host cannot be frozen safely: ${text}.`,
            remedy: 'See README, "What a Linux instance needs".',
        },
        NOT_ROOT: {
            code: "SUDO_REFUSED",
            message: `sudo runs what it is given as the user with uid ${text}, not as root.`,
            remedy: "In sudoers, the account's rule has to name (root) or (ALL).",
        },
        HOOK_ENVIRONMENT: {
            code: "INVALID_INPUT",
            message: `The shell of the host cannot set these names of \`environment\`: ${text}.`,
            remedy: "Give the variables other names.",
        },
        POST_THAW_NOT_IDEMPOTENT: {
            code: "PRECONDITION_FAILED",
            message: `Run with \`thaw\` while nothing was frozen, the post-thaw script ended with ${text}.`,
            remedy: "With nothing frozen it has to exit with 0, or with 205.",
        },
    };
    return failures[code];
}

/** The guard refuses before it arms: nothing was frozen by this run. */
export function refused(code: RefusalCode, text: string, instanceId: string): QuiesceError {
    const soft = code === "HOST_BUSY" || code === "HOST_UNSUITABLE";
    const failure = refusal(code, text, instanceId);
    return soft
        ? new QuiesceError(asPrecondition(failure), { awake: true, mayFallBack: true })
        : new QuiesceError(failure, { awake: true, mayFallBack: false });
}

/** What was fine when it was checked is not any more: the same outcome as if the check had found it. */
function asPrecondition({ code, message, remedy }: Failure): Failure {
    return { code: "PRECONDITION_FAILED", message: `[${code}] ${message}`, remedy };
}

export function lostConnection(when: string): Failure {
    return {
        code: "CONNECTION_LOST",
        message: `The connection to the host was lost ${when}.`,
        remedy: "Run again; see sshd's log on the host when it happens again.",
    };
}

/** The connection lives, as far as is known, but nothing comes. */
export function silent(when: string): Failure {
    return {
        code: "CONNECTION_LOST",
        message: `The guard on the host did not answer in time ${when}.`,
        remedy: "See whether the host is overloaded, and run again.",
    };
}

export function unexpected(text: string): Failure {
    return {
        code: "UNEXPECTED_OUTPUT",
        message: `The host said what no guard says: ${JSON.stringify(text.slice(0, 200))}.`,
        remedy: "Make sure that the account's shell and sudo print nothing of their own.",
    };
}

export function stillFrozen(): Failure {
    return {
        code: "THAW_PENDING",
        message: "The post-thaw script fails: the instance may still be frozen.",
        remedy: 'Run the post-thaw script with "thaw" as root on the instance and see why it fails; then run `pulumi up` again.',
    };
}

/** A host that knows nothing of the execution, and may be another one than that which was frozen. */
export function unknownHost(): Failure {
    return {
        code: "THAW_PENDING",
        message:
            "The host behind the address has nothing of the execution, but whether it is the instance that was frozen " +
            "is not known: neither DMI nor the metadata service names it, and it has another boot id.",
        remedy:
            "Correct `connection.host` and run `pulumi up` again. Stopping the instance ends a freeze for certain; " +
            "the next `pulumi up` sees that it is stopped.",
    };
}

/** Pre-freeze did not succeed. */
export function notFrozen(why: HookEnd | "eof", limitS: number): Failure {
    switch (why) {
        case "timeout":
            return {
                code: "PRE_FREEZE_TIMEOUT",
                message: `The pre-freeze script did not end within ${limitS} s.`,
                remedy: "See what it waits for, or raise timeouts.preFreeze.",
            };
        case "eof":
            return lostConnection("during pre-freeze");
        case "lost":
            return {
                code: "PRE_FREEZE_FAILED",
                message: `The pre-freeze script, or a process that watched it, was killed.`,
                remedy: "See the kernel's log on the instance, for example for a lack of memory.",
            };
        default:
            return {
                code: "PRE_FREEZE_FAILED",
                message: `The pre-freeze script ${exitText(why)}.`,
                remedy: 'Run it with "freeze" by hand and then the post-thaw script; showHookOutput: "onFailure" shows its stderr.',
            };
    }
}

function exitText(code: number): string {
    return code > 128 ? `was ended by signal ${code - 128}` : `exited with ${code}`;
}
