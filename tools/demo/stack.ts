import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { endProcessesOf, engineEnvironment, findEngine } from "../../lab/engine/engine";
import { type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { ended } from "./ended";
import { sayLinesOf } from "./narration";
import type { AtEnd } from "../stopAll";

const STACK = "demo";
/** Long enough to see snapshots on their way; real ones take minutes to hours. */
const SNAPSHOT_DURATION_MS = 1500;

/** A home for all files, and a cloud. */
export async function startCloud(
    interruption: AbortController,
    atEnd: AtEnd,
): Promise<{ home: string; cloud: LocalCloud }> {
    const home = mkdtempSync(join(tmpdir(), "acs-demo-"));
    atEnd(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
    const cloud = await startLocalCloud({ snapshotDurationMs: SNAPSHOT_DURATION_MS });
    atEnd(() => cloud.stop());
    interruption.signal.throwIfAborted();
    return { home, cloud };
}

export interface StackOptions {
    /** Outside of the repository: the stack's backend, its config and a copy of the project's file are there. */
    readonly home: string;
    readonly cloud: LocalCloud;
    /** The project's file, Pulumi.yaml. */
    readonly project: string;
    /** The folder in which `show` runs: it holds such a file. */
    readonly folder: string;
    readonly interruption: AbortController;
    readonly atEnd: AtEnd;
}

export async function makeStack(options: StackOptions): Promise<Stack> {
    // Whatever still runs of it, such as a provider that has lost its engine.
    options.atEnd(() => endProcessesOf(options.home));
    mkdirSync(join(options.home, "backend"));
    // The engine writes the stack's config beside the project's file.
    writeFileSync(join(options.home, "Pulumi.yaml"), options.project);
    const stack = new Stack(options);
    await stack.init();
    return stack;
}

/** The engine, with a home, a backend and a stack of its own. */
export class Stack {
    readonly #configFile: string;
    readonly #env: Record<string, string>;
    readonly #color = process.stdout.isTTY && process.env.NO_COLOR === undefined ? "always" : "never";

    constructor(private readonly options: StackOptions) {
        this.#configFile = join(options.home, `Pulumi.${STACK}.yaml`);
        this.#env = {
            ...engineEnvironment(options.home, options.cloud.env),
            // To look at the program's types takes longer than all the rest; `npm run types` has done it.
            PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        };
    }

    async init(): Promise<void> {
        await this.#quiet(["stack", "init", STACK]);
    }

    async configure(plain: Record<string, string>, secrets: Record<string, string> = {}): Promise<void> {
        const pairs = Object.entries(plain).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
        await this.#quiet(["config", "set-all", "--stack", STACK, ...pairs]);
        for (const [key, value] of Object.entries(secrets)) {
            await this.#quiet(["config", "set", "--stack", STACK, "--secret", key], value);
        }
    }

    async outputs(): Promise<Record<string, unknown>> {
        return JSON.parse(await this.#quiet(["stack", "output", "--json", "--stack", STACK])) as Record<
            string,
            unknown
        >;
    }

    /** The outputs of the one resource of a type, as the stack's state has them. */
    async outputsOf(type: string): Promise<Record<string, unknown>> {
        const { deployment } = JSON.parse(await this.#quiet(["stack", "export", "--stack", STACK])) as {
            deployment: { resources: { type: string; outputs?: Record<string, unknown> }[] };
        };
        return deployment.resources.find((one) => one.type.endsWith(`:${type}`))?.outputs ?? {};
    }

    /** What the engine says is shown as it comes. */
    async show(args: string[]): Promise<void> {
        const { child, lines } = this.#start(args);
        await this.#ended(child, args);
        await lines;
    }

    /** The same of a command during which everything of the engine is killed, as soon as `moment` has come. */
    async showKilled(args: string[], moment: () => Promise<void>): Promise<void> {
        const { child, lines } = this.#start(args);
        const exit = once(child, "exit");
        await Promise.race([
            moment(),
            exit.then(() => {
                throw new Error(`"pulumi ${args.join(" ")}" ended before it could be killed`);
            }),
        ]);
        await endProcessesOf(this.options.home);
        await exit;
        await lines;
    }

    /** A killed engine cannot give its lock back. */
    async cancel(): Promise<void> {
        await this.#quiet(["cancel", "--yes", "--stack", STACK]);
    }

    #start(args: string[]): { child: ChildProcess; lines: Promise<unknown> } {
        const yes = args[0] === "preview" ? [] : ["--yes", "--skip-preview"];
        const options = [...yes, "--suppress-progress", "--suppress-permalink=true"];
        const stack = ["--stack", STACK, "--config-file", this.#configFile];
        const child = this.#spawn([...args, ...options, ...stack], this.options.folder);
        return { child, lines: sayLinesOf([child.stdout, child.stderr]) };
    }

    async #quiet(args: string[], input = ""): Promise<string> {
        const child = this.#spawn(args, this.options.home);
        child.stdin.end(input);
        const output = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
        await this.#ended(child, args).catch(async (error: unknown) => {
            throw new Error((await output).join(""), { cause: error });
        });
        return (await output)[0];
    }

    #ended(child: ChildProcess, args: string[]): Promise<void> {
        return ended(child, `pulumi ${args.join(" ")}`, this.options.interruption);
    }

    #spawn(args: string[], cwd: string) {
        this.options.interruption.signal.throwIfAborted();
        const command = join(findEngine(), "pulumi");
        // In a group of its own: a terminal's Ctrl-C is for the demo, which ends it.
        return spawn(command, [...args, "--non-interactive", "--color", this.#color], {
            cwd,
            env: this.#env,
            detached: true,
        });
    }
}
