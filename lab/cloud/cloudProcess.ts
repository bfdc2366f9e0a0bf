import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { setupCloud } from "../setup/setupCloud.mjs";

const ROOT = join(__dirname, "../..");
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const KEPT_STDERR = 20_000;

/** The process of one cloud. */
export interface CloudProcess {
    readonly port: number;
    readonly controlPort: number;
    /** The last that all clouds of this process wrote to their stderr. */
    stderr(): string;
    end(): Promise<void>;
}

type Python = ChildProcessByStdio<Writable, Readable, Readable>;

/** Loads moto once, and makes each cloud of this process by a fork (see local_cloud/__main__.py). */
class Nursery {
    #stderr = "";
    #last = 0;
    readonly #waiting = new Map<number, (ready: Ready) => void>();
    readonly #death: Promise<never>;

    private constructor(private readonly python: Python) {
        python.stderr.on("data", (chunk: Buffer) => {
            this.#stderr = (this.#stderr + chunk.toString()).slice(-KEPT_STDERR);
        });
        createInterface({ input: python.stdout }).on("line", (line) => {
            const ready = JSON.parse(line) as Ready;
            this.#waiting.get(ready.id)?.(ready);
        });
        this.#death = once(python, "close").then(() => Promise.reject(new Error("it ended")));
        this.#death.catch(() => undefined);
        // It ends with this process, which need not wait for it: at once, or, where this one is killed, by its input's end.
        process.once("exit", () => python.kill("SIGKILL"));
        for (const one of [python, python.stdin, python.stdout, python.stderr] as { unref(): void }[]) {
            one.unref();
        }
    }

    static async start(): Promise<Nursery> {
        const python = await setupCloud({ root: ROOT, log: () => undefined });
        return new Nursery(
            spawn(python, ["-m", "local_cloud"], {
                cwd: join(ROOT, "lab/cloud"),
                stdio: ["pipe", "pipe", "pipe"],
                env: {
                    ...process.env,
                    // Compiling all of moto anew takes longer than all the rest of the start.
                    PYTHONDONTWRITEBYTECODE: "",
                    PYTHONPYCACHEPREFIX: join(ROOT, ".cache/pycache"),
                },
            }),
        );
    }

    async bringUp(options: object): Promise<CloudProcess> {
        const id = (this.#last += 1);
        const ready = new Promise<Ready>((resolve) => this.#waiting.set(id, resolve));
        // It also keeps this process waiting, as nothing else here does.
        const { promise: late, reject } = Promise.withResolvers<never>();
        const timer = setTimeout(() => reject(new Error("it took too long")), START_LIMIT_MS);
        try {
            this.python.stdin.write(`${JSON.stringify({ id, options })}\n`);
            const { pid, port, controlPort } = await Promise.race([ready, this.#death, late]);
            return { port, controlPort, stderr: () => this.#stderr, end: () => end(pid) };
        } catch (error) {
            throw new Error(`the local cloud did not start: ${this.#stderr}`, { cause: error });
        } finally {
            clearTimeout(timer);
            this.#waiting.delete(id);
        }
    }
}

interface Ready {
    readonly id: number;
    readonly pid: number;
    readonly port: number;
    readonly controlPort: number;
}

/** Held requests would keep an ordinary end waiting. */
async function end(pid: number): Promise<void> {
    const giveUp = performance.now() + STOP_LIMIT_MS;
    while (isThere(pid, "SIGKILL") && performance.now() < giveUp) {
        await delay(5);
    }
}

function isThere(pid: number, signal: NodeJS.Signals): boolean {
    try {
        return process.kill(pid, signal);
    } catch {
        return false;
    }
}

let nursery: Promise<Nursery> | undefined;

/** A cloud of one's own, which ends when this process does. */
export async function bringUpCloud(options: object): Promise<CloudProcess> {
    nursery ??= Nursery.start();
    nursery.catch(() => (nursery = undefined));
    return await (await nursery).bringUp(options);
}
