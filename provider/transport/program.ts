import { spawn, type SpawnOptionsWithStdioTuple } from "node:child_process";
import { basename } from "node:path";
import type { Secret } from "../base/maskSecrets";
import { type Program as Process, ProgramStream } from "./programStream";
import { quoteEnd } from "./ssh/handshakeFailure";

/** What is to be run, and its whole environment. */
export interface Command {
    readonly file: string;
    readonly args: readonly string[];
    readonly env: NodeJS.ProcessEnv;
}

/** Runs a program whose standard input and output are a stream. Rejects with what spawn says when it cannot be run. */
export async function startProgram(command: Command): Promise<ProgramStream> {
    return new ProgramStream(await spawned(command));
}

/** Not by a shell, and in a process group of its own: Ctrl-C at the terminal is not meant for what carries a freeze. */
const OPTIONS: SpawnOptionsWithStdioTuple<"pipe", "pipe", "pipe"> = {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    windowsHide: true,
};

function spawned({ file, args, env }: Command): Promise<Process> {
    return new Promise((resolve, reject) => {
        const program = spawn(file, args, { ...OPTIONS, env });
        // Stays for good: a signal that cannot be sent is told so, too.
        program.on("error", reject);
        program.once("spawn", () => resolve(program));
    });
}

/** Why a program could not be run, by the error that spawn gave. */
export function startProblem({ code = "", message }: NodeJS.ErrnoException): string {
    return PROBLEMS[code] ?? (code || message);
}

const PROBLEMS: Readonly<Record<string, string>> = {
    ENOENT: "there is no such program",
    ENOTDIR: "there is no such program",
    EACCES: "it is not executable",
    ENOEXEC: "it is no program",
};

/** Trying again may help: this machine lacks processes, memory or files. */
export function isPassing({ code = "" }: NodeJS.ErrnoException): boolean {
    return !Object.hasOwn(PROBLEMS, code);
}

/** How a program did so far and what it said, in words; "" when there is nothing to tell. */
export function tellOf(file: string, { ended, stderr }: ProgramStream, secrets: readonly Secret[]): string {
    const words = quoteEnd(stderr, secrets);
    if (ended === undefined && words === "") {
        return "";
    }
    return `the command ${basename(file)} ${ended ?? "runs"}${words === "" ? "" : `, and said: ${words}`}`;
}

/** Of what AWS_* variables hold, in case a program repeats it. */
export function secretsOfAws(ofAws: Readonly<Record<string, string>>): Secret[] {
    return ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].flatMap((variable) => ofAws[variable] ?? []);
}
