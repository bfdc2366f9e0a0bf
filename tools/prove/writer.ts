import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { SshHost } from "../../lab/hosts/sshHost";
import { type Application, WRITERS } from "./application";

/** What one writer sent, and what was acknowledged: milliseconds of the wall clock, by number; the first is 1. */
export interface WriterLog {
    readonly sentAt: readonly number[];
    readonly acknowledgedAt: readonly number[];
}

/** Where commands run as root: a host of the lab, or a virtual machine. */
export type Runs = Pick<SshHost, "commandLine">;

const STOP_LIMIT_MS = 30_000;
const now = () => performance.timeOrigin + performance.now();

/** Writers that commit numbered transactions, one after the other. What they know is kept here, outside. */
export class Writers {
    readonly #writers: Writer[];

    private constructor(writers: Writer[]) {
        this.#writers = writers;
    }

    /** @param pauseMs between two transactions; none: as fast as they can */
    static start(host: Runs, application: Application, pauseMs?: number): Writers {
        return new Writers(
            Array.from({ length: WRITERS }, (_, number) => new Writer(host, application, number, pauseMs)),
        );
    }

    /** A copy of what they know now. */
    get logs(): WriterLog[] {
        return this.#writers.map((writer) => writer.log);
    }

    /** Waits until each has had this many more acknowledged: they do run. @throws when one does not in time */
    async progress(count: number, limitMs = 60_000): Promise<void> {
        await Promise.all(this.#writers.map((writer) => writer.progress(count, limitMs)));
    }

    /** After what is on its way: checking is quicker when nobody writes. */
    pause(): void {
        this.#writers.forEach((writer) => writer.pause());
    }

    resume(): void {
        this.#writers.forEach((writer) => writer.resume());
    }

    async stop(): Promise<void> {
        await Promise.all(this.#writers.map((writer) => writer.stop()));
    }
}

class Writer {
    readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
    readonly #application: Application;
    readonly #number: number;
    readonly #sentAt: number[] = [];
    readonly #acknowledgedAt: number[] = [];
    #paused = false;
    #stderr = "";
    #acknowledged: (() => void) | undefined;

    constructor(
        host: Runs,
        application: Application,
        number: number,
        private readonly pauseMs: number | undefined,
    ) {
        this.#application = application;
        this.#number = number;
        const [program, args] = host.commandLine(application.client);
        this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
        this.#child.stderr.on("data", (bytes: Buffer) => (this.#stderr += bytes.toString()));
        this.#child.stdin.on("error", () => undefined);
        createInterface({ input: this.#child.stdout }).on("line", (line) => this.#answered(line));
        this.#send();
    }

    get log(): WriterLog {
        return { sentAt: [...this.#sentAt], acknowledgedAt: [...this.#acknowledgedAt] };
    }

    async progress(count: number, limitMs: number): Promise<void> {
        const wanted = this.#acknowledgedAt.length + count;
        const timer = setTimeout(() => this.#acknowledged?.(), limitMs);
        const deadline = now() + limitMs;
        while (this.#acknowledgedAt.length < wanted) {
            if (now() >= deadline || this.#child.exitCode !== null) {
                throw new Error(`writer ${this.#number} does not get on: ${this.#stderr}`);
            }
            await new Promise<void>((resolve) => (this.#acknowledged = resolve));
        }
        clearTimeout(timer);
    }

    pause(): void {
        this.#paused = true;
    }

    resume(): void {
        this.#paused = false;
        this.#sendNext();
    }

    async stop(): Promise<void> {
        this.pause();
        this.#child.stdin.end();
        if (this.#child.exitCode === null && this.#child.signalCode === null) {
            await once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_LIMIT_MS) });
        }
    }

    #send(): void {
        const n = this.#sentAt.push(now());
        this.#child.stdin.write(`${this.#application.statement(this.#number, n)}\n`);
    }

    #answered(line: string): void {
        // Whatever else it may say: only the number that was sent last is an acknowledgement.
        if (Number(line) !== this.#sentAt.length) {
            this.#stderr += `${line}\n`;
            return;
        }
        this.#acknowledgedAt.push(now());
        this.#acknowledged?.();
        if (this.pauseMs === undefined) {
            this.#sendNext();
        } else {
            setTimeout(() => this.#sendNext(), this.pauseMs);
        }
    }

    #sendNext(): void {
        if (!this.#paused && this.#acknowledgedAt.length === this.#sentAt.length) {
            this.#send();
        }
    }
}
