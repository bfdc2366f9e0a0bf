import type { Failure } from "../errors";
import type { HookEnd, RefusalCode } from "./guardProgram";
import { QuiesceError } from "./quiesceError";

/** The guard refuses before it arms: nothing was frozen by this run. */
export function refused(code: RefusalCode, text: string, instanceId: string): QuiesceError {
    const failures: Record<RefusalCode, Failure> = {
        HOST_BUSY: {
            code,
            message: `Another execution, ${text}, holds the host.`,
            remedy: "Run again when it has ended, or wait for it with timeouts.lock.",
        },
        WRONG_INSTANCE: {
            code,
            message: `The host behind the address is ${text}, not ${instanceId}.`,
            remedy: "Correct `connection.host` or `instanceId`; an address that was reused is the usual cause.",
        },
        STALE_FREEZE: {
            code,
            message: `An earlier execution left the host frozen, and its post-thaw script fails: ${text}.`,
            remedy: 'Run the post-thaw script with "thaw" as root on the instance and see why it fails; then run again.',
        },
        HOST_UNSUITABLE: {
            code,
            message: `The host cannot be frozen safely: ${text}.`,
            remedy: 'See README, "What the instance needs".',
        },
    };
    const soft = code === "HOST_BUSY" || code === "HOST_UNSUITABLE";
    const failure = failures[code];
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
