import { execFile } from "node:child_process";
import { compareVersions } from "../base/compareVersions";
import { startProblem } from "./program";

/** AWS's program that carries the bytes of a session. */
export const PLUGIN = "session-manager-plugin";

/** The last version that takes the session's token by an argument only, which everybody on the machine can read (aws-cli, sessionmanager.py). */
const TOO_OLD = "1.2.497.0";
/** It only prints a line. Milliseconds. */
const ANSWER_LIMIT_MS = 10_000;

const INSTALL =
    "install AWS's Session Manager plugin where `pulumi up` runs (Systems Manager User Guide, \"Install the Session Manager " +
    'plugin"; GitHub-hosted runners have it)';

/** What stands against the plugin that is on PATH; undefined: nothing. Rejects with the signal's reason. */
export async function pluginProblem(
    env: NodeJS.ProcessEnv,
    signal: AbortSignal,
): Promise<{ readonly what: string; readonly remedy: string } | undefined> {
    const answer = await askVersion(env, signal);
    signal.throwIfAborted();
    if (answer instanceof Error) {
        return {
            what: `${PLUGIN} could not be started: ${startProblem(answer)}`,
            remedy: `${INSTALL}, and see that it is on the PATH of whoever runs Pulumi`,
        };
    }
    const [version] = /\d+(\.\d+){2,3}/.exec(answer) ?? [];
    if (version === undefined) {
        return {
            what: `what is on PATH as ${PLUGIN} does not tell its version`,
            remedy: INSTALL,
        };
    }
    return compareVersions(version, TOO_OLD) > 0
        ? undefined
        : {
              what: `${PLUGIN} ${version} is too old: it takes a session's token by an argument only, which everybody on this machine can read`,
              remedy: "update it; AWS asks for 1.2.764.0 or newer",
          };
}

function askVersion(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string | NodeJS.ErrnoException> {
    return new Promise((resolve) => {
        const options = { env, signal, timeout: ANSWER_LIMIT_MS, windowsHide: true };
        execFile(PLUGIN, ["--version"], options, (error, stdout) => {
            resolve(error !== null && stdout === "" ? (error as NodeJS.ErrnoException) : stdout);
        });
    });
}

/**
 * Why the plugin ended, in its own words; undefined when it said nothing of the kind. It prints them on its standard output,
 * after the bytes of the connection, where they look like a broken packet of SSH (session-manager-plugin, `session.go`,
 * `sessionhandler.go`, `streaming.go`).
 */
export function lastWordsOf(output: string): string | undefined {
    return LAST_WORDS.exec(output)?.[0].trim();
}

const LAST_WORDS =
    /(SessionId: \S+ : [\x20-\x7e]+|Session: \S+ timed out\.|Exiting session with sessionId: \S+|Cannot perform start session: [\x20-\x7e]+)\s*$/;
