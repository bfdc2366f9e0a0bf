import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FileResult, Order } from "./messages";

/** No file takes as long; one that hangs would keep all others waiting. */
const FILE_LIMIT_MS = 3_600_000;
const END_LIMIT_MS = 20_000;
/** For the last words of a lane that has ended: an orphan may hold its output open. */
const LAST_WORDS_MS = 2_000;
/** Of what a file's tests have said. */
const KEPT_OUTPUT = 100_000;

const WORKER = [process.execPath, "--import", "tsx", join(__dirname, "worker.ts")];
/** Whatever ends the runner, ends what it has started here, and with `--kill-child` everything in the lane. */
const ENTER = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private"];
const PROCESSES = ["--pid", "--mount-proc", "--fork", "--kill-child"];
const FIRST = ["sh", join(__dirname, "lane.sh")];

/**
 * How far a lane is from all the rest, by namespaces, which need root on Linux.
 *
 * - `whole`: network, mounts and processes of its own
 * - `surviving`: without processes of its own, so that a watchdog in a session of its own outlives it
 * - `none`: nothing of its own
 */
export type Distance = "whole" | "surviving" | "none";

const COMMANDS: Readonly<Record<Distance, readonly string[]>> = {
    whole: [...ENTER, ...PROCESSES, ...FIRST, ...WORKER],
    surviving: [...ENTER, ...FIRST, ...WORKER],
    none: WORKER,
};

export interface LaneOptions {
    /** For its temporary files; made with it, and removed with it. */
    readonly folder: string;
    /** For what is made once for all lanes. */
    readonly shared: string;
    readonly distance: Distance;
}

export interface LaneResult extends FileResult {
    /** What the tests have said. */
    readonly output: string;
}

/** A process that runs test files one after the other. */
export class Lane {
    readonly #child: ChildProcess;
    readonly #folder: string;
    #output = "";

    constructor({ folder, shared, distance }: LaneOptions) {
        mkdirSync(folder);
        // As /tmp is: databases run as an account of their own, and have temporary files, too.
        chmodSync(folder, 0o1777);
        this.#folder = folder;
        const [command = "", ...args] = COMMANDS[distance];
        this.#child = spawn(command, args, {
            env: {
                ...process.env,
                TMPDIR: folder,
                ACS_LANES_FOLDER: shared,
                NODE_COMPILE_CACHE: join(shared, "compiled"),
            },
            stdio: ["ignore", "pipe", "pipe", "ipc"],
            // A terminal's Ctrl-C is the runner's business.
            detached: true,
        });
        for (const stream of [this.#child.stdout, this.#child.stderr]) {
            stream?.on("data", (bytes: Buffer) => {
                this.#output = (this.#output + bytes.toString()).slice(-KEPT_OUTPUT);
            });
        }
    }

    get ended(): boolean {
        return this.#child.exitCode !== null || this.#child.signalCode !== null;
    }

    /** A file that ends the lane, or takes too long, has failed; the lane has ended then. */
    async run(file: string): Promise<LaneResult> {
        const startedAt = performance.now();
        this.#output = "";
        const result = await this.#resultOf(file).catch(async (error: unknown): Promise<FileResult> => {
            await this.kill();
            const failures = [`${file} ${(error as Error).message}`];
            const seconds = (performance.now() - startedAt) / 1000;
            return { file, passed: 0, skipped: 0, failures, seconds, cpuSeconds: 0 };
        });
        return { ...result, output: this.#output };
    }

    async #resultOf(file: string): Promise<FileResult> {
        const child = this.#child;
        const over = new AbortController();
        const { signal } = over;
        const result = once(child, "message", { signal }).then(([message]) => message as FileResult);
        const death = once(child, "exit", { signal }).then(async ([code, by]) => {
            await Promise.race([once(child, "close", { signal }), delay(LAST_WORDS_MS)]);
            throw new Error(`has ended its process: ${String(by ?? `exit code ${String(code)}`)}`);
        });
        const tooLate = delay(FILE_LIMIT_MS, undefined, { signal }).then(() => {
            throw new Error(`has not ended in ${FILE_LIMIT_MS / 1000} s`);
        });
        try {
            child.send({ file } satisfies Order);
            return await Promise.race([result, death, tooLate]);
        } finally {
            over.abort();
        }
    }

    /** At once, with all that it has started. */
    async kill(): Promise<void> {
        if (!this.ended && this.#child.pid !== undefined) {
            const exit = once(this.#child, "exit");
            process.kill(-this.#child.pid, "SIGKILL");
            await exit;
        }
        rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }

    async end(): Promise<void> {
        if (!this.ended) {
            const exit = once(this.#child, "exit");
            this.#child.disconnect();
            await Promise.race([exit, delay(END_LIMIT_MS, undefined, { ref: false })]);
        }
        await this.kill();
    }
}
