import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { awsPluginFolder } from "../awsPlugin/pluginFolder";
import { setupEngine } from "../setup/setupEngine.mjs";
import { type Lines, linesOf } from "../lines";

export const ROOT = join(__dirname, "../..");

let engineFolder: string | undefined;

/** The folder of the Pulumi engine: an installed one, or the one that the set-up built. */
export function findEngine(): string {
    engineFolder ??= setupEngine({ root: ROOT, log: (line) => console.log(line) });
    return engineFolder;
}

/** Marks all processes of one project, orphans too, so that they can be found and ended by their id. */
export const MARK = "ACS_TEST_PROJECT";

/**
 * Folders to put first on PATH: of the engine, of its plugins, and of the Node that runs this. The real plugin of
 * @pulumi/aws is downloaded, and would call the real AWS.
 */
export function enginePath(): string[] {
    return [findEngine(), awsPluginFolder(), dirname(process.execPath)];
}

/**
 * The environment of an engine that knows nothing of this account: no credentials, no agent, no plugins,
 * nothing to fetch. Node is the one that runs the tests.
 */
export function engineEnvironment(home: string, additions: Record<string, string>): Record<string, string> {
    const path = [...enginePath(), process.env["PATH"] ?? ""].join(delimiter);
    return {
        PATH: path,
        LANG: "C.UTF-8",
        HOME: home,
        TMPDIR: home,
        [MARK]: home,
        PULUMI_HOME: join(home, ".pulumi"),
        // Without the attributes beside each file: a stack that reads its own outputs may meet them half written.
        PULUMI_BACKEND_URL: `file://${join(home, "backend")}?metadata=skip`,
        PULUMI_CONFIG_PASSPHRASE: "not a secret: this stack lives for one test",
        // Gives the commands their --event-log.
        PULUMI_DEBUG_COMMANDS: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        ...nodeEnvironment(),
        ...additions,
    };
}

/**
 * For Node processes. Half of what one of the engine's does is to compile the same files: lanes keep what comes of it.
 *
 * @param preloads more files that are loaded first
 */
export function nodeEnvironment(preloads: readonly string[] = []): Record<string, string> {
    const folder = process.env["NODE_COMPILE_CACHE"];
    return {
        NODE_OPTIONS: [join(__dirname, "preload.cjs"), ...preloads]
            .map((file) => `--require ${JSON.stringify(file)}`)
            .join(" "),
        ...(folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }),
    };
}

/** How a command ended. A failed command is a result like any other, never an exception. */
export interface Ended {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stdout: string;
    readonly stderr: string;
}

/** What a process of the engine is there for; an update starts one of each, a preview before it others. */
export type Role = "cli" | "languageHost" | "program" | "dynamicProviderShell" | "dynamicProvider" | "other";

export interface EngineProcess {
    readonly pid: number;
    readonly ppid: number;
    readonly role: Role;
    readonly command: string;
}

/** A command of the engine that is running. */
export interface Running extends Lines {
    readonly pid: number;
    /** Resolves when the command has ended and its output is complete. */
    readonly ended: Promise<Ended>;
    /** Sends the signal to the command alone, as `kill PID` does; its plugins are in groups of their own. */
    kill(signal: NodeJS.Signals): void;
}

/** Milliseconds for the output to be complete after a command has ended. */
const OUTPUT_LIMIT_MS = 5000;

export function startEngine(args: string[], cwd: string, env: Record<string, string>): Running {
    const child = spawn(join(findEngine(), "pulumi"), args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const { pid } = child;
    if (pid === undefined) {
        throw new Error("the Pulumi engine did not start");
    }
    const stdout = textOf(child.stdout);
    const stderr = textOf(child.stderr);
    const ended = new Promise<Ended>((resolve) => {
        const finish = (): void => {
            clearTimeout(timer);
            resolve({ code: child.exitCode, signal: child.signalCode, stdout: stdout(), stderr: stderr() });
        };
        let timer: NodeJS.Timeout | undefined;
        child.once("close", finish);
        // Orphans of a killed command could keep its output open for ever: its own end is what counts.
        child.once("exit", () => (timer = setTimeout(finish, OUTPUT_LIMIT_MS)));
    });
    return {
        ...linesOf([child.stdout, child.stderr], ended),
        pid,
        ended,
        kill: (signal) => child.kill(signal),
    };
}

function textOf(stream: Readable): () => string {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
}

/** All processes of the project whose home this is, found by their environment: needs Linux's /proc. */
export function processesOf(home: string): EngineProcess[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => {
            try {
                if (!readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(`${MARK}=${home}`)) {
                    return [];
                }
                const command = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").join(" ").trim();
                const ppid = Number(
                    /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1],
                );
                return [{ pid: Number(name), ppid, role: roleOf(command), command }];
            } catch {
                return []; // ended in between
            }
        });
}

function roleOf(command: string): Role {
    if (/pulumi-resource-pulumi-nodejs /.test(command)) {
        return "dynamicProviderShell";
    }
    if (/cmd\/dynamic-provider/.test(command)) {
        return "dynamicProvider";
    }
    if (/cmd\/run/.test(command)) {
        return "program";
    }
    if (/pulumi-language-nodejs /.test(command)) {
        return "languageHost";
    }
    if (/\/pulumi /.test(command)) {
        return "cli";
    }
    return "other";
}

/** Kills what is left of a project and waits until it is gone. */
export async function endProcessesOf(home: string): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (let left = processesOf(home); left.length > 0; left = processesOf(home)) {
        if (Date.now() > deadline) {
            throw new Error(`not to be killed: ${left.map((one) => one.command).join("; ")}`);
        }
        for (const { pid } of left) {
            killIfThere(pid);
        }
        await sleep(20);
    }
}

function killIfThere(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch {
        // ended in between
    }
}
