import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, SnapshotError } from "../../base/errors";
import { endText } from "../../base/hookEnd";
import { type Secret, maskSecrets } from "../../base/maskSecrets";
import { timing } from "../../base/timing";
import {
    LineTimeout,
    OutputTooLong,
    type SshChannel,
    type SshConnection,
} from "../../transport/ssh/connection";
import { notRoot } from "./guardFailures";
import { NoGuard } from "./guardSession";
import { scriptProblemText } from "./hostFailures";
import { parseScriptProblem } from "./hostReport";
import { noGuardFailure } from "./noGuard";
import { type VerifyParams, composeVerify } from "./verifyProgram";

export interface VerifySettings extends Omit<VerifyParams, "nonce"> {
    /** For the script itself, in seconds. */
    readonly limit: number;
    readonly secrets: readonly Secret[];
    readonly signal: AbortSignal;
}

/** cloud-init still runs: the rights and programs that are missing may come in a moment. */
export class StillBooting extends Error {
    constructor(readonly failure: Failure) {
        super(failure.message);
    }
}

/**
 * Runs the script on the copy.
 * @returns the last lines that it printed
 * @throws SnapshotError when it did not exit with 0, or could not be run; StillBooting; SshError
 */
export async function runVerify(connection: SshConnection, settings: VerifySettings): Promise<string[]> {
    const nonce = randomUUID();
    const { command, stdin } = composeVerify({ ...settings, nonce });
    const channel = await connection.exec(command, { signal: settings.signal });
    try {
        channel.write(stdin.toString("utf8"));
        await untilStarted(channel, nonce, settings);
        return await untilEnded(channel, nonce, settings);
    } finally {
        // Whatever still runs there, its input ends.
        channel.close();
    }
}

async function untilStarted(
    channel: SshChannel,
    nonce: string,
    { instanceId, sudo, verify, signal }: VerifySettings,
): Promise<void> {
    const next = (limitMs: number) =>
        channel.nextLine(limitMs, signal).catch((error: unknown) => {
            if (error instanceof LineTimeout || error instanceof OutputTooLong) {
                return undefined;
            }
            throw error;
        });
    const first = await next(timing.guardStartMs);
    if (first !== nonce) {
        await Promise.race([channel.exit, sleep(2_000, undefined, { ref: false })]);
        throw new NoGuard(noGuardFailure({ firstLine: first, stderr: channel.stderrHead(), sudo }));
    }
    let line = await next(timing.checkMs);
    const booting = line === "booting";
    if (booting) {
        line = await next(timing.checkMs);
    }
    if (line !== "started") {
        const failure = refusalOf(line, instanceId, verify.path);
        throw booting ? new StillBooting(failure) : new SnapshotError(failure, { instanceId });
    }
}

/** Why the script was not started. */
export function refusalOf(line: string | undefined, instanceId: string, path = "verify"): Failure {
    const [, code = "", text = ""] = /^refused (\w+) ?(.*)$/.exec(line ?? "") ?? [];
    switch (code) {
        case "NOT_ROOT":
            return notRoot(Number(text));
        case "WRONG_INSTANCE":
            return {
                code,
                message: `The host behind the address is ${text}, not the copy.`,
                remedy: "See that nothing else has launch.privateIp, and where the tunnel leads to.",
            };
        case "SCRIPT": {
            const problems = text.split(" ").flatMap((word) => parseScriptProblem(word) ?? []);
            return {
                code: problems[0]?.kind === "missing" ? "SCRIPT_MISSING" : "SCRIPT_UNSAFE",
                message: `${path} ${problems.map(scriptProblemText).join(" and ")} on the copy.`,
                remedy: "Give the script's text, verify: { script }; or put that right on the server, and make a new image of it.",
            };
        }
        default:
            return {
                code: "HOST_UNSUITABLE",
                message: `The script could not be started on ${instanceId}: ${JSON.stringify(text || (line ?? "no answer"))}.`,
                remedy: "Look at the copy (keepOnFailure: true), at its memory and its /run.",
            };
    }
}

const LINES_KEPT = 20;
const LONGEST_LINE = 500;

async function untilEnded(
    channel: SshChannel,
    nonce: string,
    { instanceId, limit, secrets, signal }: VerifySettings,
): Promise<string[]> {
    const deadline = performance.now() + limit * 1000;
    const last: string[] = [];
    const failed = (failure: Failure) =>
        new SnapshotError(failure, { instanceId, output: { verify: last.join("\n") } });
    for (;;) {
        const line = await channel
            .nextLine(Math.max(0, deadline - performance.now()), signal)
            .catch((error: unknown) => {
                throw error instanceof LineTimeout || error instanceof OutputTooLong
                    ? failed(endedBy(error, limit))
                    : error;
            });
        if (line === undefined) {
            throw failed(LOST);
        }
        const end = endIn(line, nonce);
        if (end === 0) {
            return last;
        }
        if (end !== undefined) {
            throw failed({
                code: "VERIFY_FAILED",
                message: `The verify script ${endText(end)}.`,
                remedy: `See what it printed; keepOnFailure: true leaves the copy to be looked at.`,
            });
        }
        if (line.trim() !== "") {
            last.push(maskSecrets(line, secrets).slice(0, LONGEST_LINE));
            last.splice(0, last.length - LINES_KEPT);
        }
        if (performance.now() > deadline) {
            throw failed(endedBy(new LineTimeout(0), limit));
        }
    }
}

function endIn(line: string, nonce: string): number | undefined {
    const [, code] = /^ended \S+ (\d+)$/.exec(line) ?? [];
    return code !== undefined && line.startsWith(`ended ${nonce} `) ? Number(code) : undefined;
}

function endedBy(error: Error, limit: number): Failure {
    return error instanceof LineTimeout
        ? {
              code: "VERIFY_TIMEOUT",
              message: `The verify script did not end within ${limit} s.`,
              remedy: "See what it waits for; raise timeouts.verify if it needs longer.",
          }
        : {
              code: "VERIFY_FAILED",
              message: `The verify script was ended, because it printed ${error.message}.`,
              remedy: "Let it print less: only its last lines are shown.",
          };
}

const LOST: Failure = {
    code: "VERIFY_FAILED",
    message: "The connection ended while the verify script ran.",
    remedy: "See whether the script, or the copy, ends sshd or the network, or reboots; look at the copy with keepOnFailure: true.",
};
