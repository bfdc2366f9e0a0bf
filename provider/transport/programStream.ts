import type { ChildProcessByStdio } from "node:child_process";
import { Duplex, type Readable, type Writable } from "node:stream";

/** How long a program that has ended its output may take to say why. */
const LAST_WORDS_MS = 300;
/** How long a program that was told to end may take before it is killed. */
const TERM_MS = 500;
/** A program that was killed is gone, but for one that hangs in the kernel. */
const KILL_MS = 500;
/** What is kept of its standard error: the end. */
const KEPT_BYTES = 2048;
/** And of its standard output. */
const KEPT_OUTPUT_BYTES = 512;

export type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** A program's standard input and output as one stream. Destroyed, it ends the program, and all of its process group. */
export class ProgramStream extends Duplex {
    /** Resolves when the program is gone, or cannot be killed. */
    readonly gone: Promise<void>;
    /** The end of its standard output. */
    lastOutput: Buffer = Buffer.alloc(0);
    #stderr = Buffer.alloc(0);
    #cut = false;
    #ended: string | undefined;
    #ending: Promise<void> | undefined;
    #isGone!: () => void;

    /** `program`: started as the leader of a process group. */
    constructor(private readonly program: Program) {
        super({ allowHalfOpen: true });
        this.gone = new Promise((resolve) => (this.#isGone = resolve));
        const closed = new Promise<void>((resolve) => program.once("close", () => resolve()));
        program.once("exit", (code, signal) => {
            this.#ended = code === null ? `was ended by ${String(signal)}` : `exited with ${code}`;
        });
        program.stdout.on("data", (bytes: Buffer) => {
            this.lastOutput = endOf(KEPT_OUTPUT_BYTES, this.lastOutput, bytes);
            if (!this.push(bytes)) {
                program.stdout.pause();
            }
        });
        program.stdout.on("error", () => this.destroy());
        program.stdout.once("close", () => void this.#afterOutput(closed));
        // Undrained, it would block the program in the end.
        program.stderr.on("data", (bytes: Buffer) => this.#keep(bytes));
        program.stderr.on("error", () => undefined);
        // It has closed its input, or is gone: what comes of that, its output tells.
        program.stdin.on("error", () => undefined);
    }

    /** How it did, in words; undefined while it runs. */
    get ended(): string | undefined {
        return this.#ended;
    }

    /** The end of its standard error, from the beginning of a line: what was cut may be the end of a secret. */
    get stderr(): string {
        const from = this.#cut ? this.#stderr.indexOf("\n") + 1 || this.#stderr.length : 0;
        return this.#stderr.subarray(from).toString("utf8");
    }

    #keep(bytes: Buffer): void {
        const all = Buffer.concat([this.#stderr, bytes]);
        this.#cut ||= all.length > KEPT_BYTES;
        this.#stderr = all.subarray(-KEPT_BYTES);
    }

    /** Its end is passed on when it is known why, as whoever hears of the end asks for that. */
    async #afterOutput(closed: Promise<void>): Promise<void> {
        await within(LAST_WORDS_MS, closed);
        this.push(null);
    }

    /** TERM, then KILL. Resolves when it is gone, and within a second. */
    terminate(): Promise<void> {
        this.#ending ??= this.#terminate();
        return this.#ending;
    }

    async #terminate(): Promise<void> {
        const { program } = this;
        const exited =
            program.exitCode !== null || program.signalCode !== null
                ? Promise.resolve()
                : new Promise<void>((resolve) => program.once("exit", () => resolve()));
        this.#signal("SIGTERM");
        await within(TERM_MS, exited);
        // Also those that it has started and left behind.
        this.#signal("SIGKILL");
        await within(KILL_MS, exited);
        this.#isGone();
    }

    #signal(signal: NodeJS.Signals): void {
        const { pid } = this.program;
        try {
            // Windows has no such groups.
            process.kill(process.platform === "win32" ? Number(pid) : -Number(pid), signal);
        } catch {
            // There is none left.
        }
    }

    override _read(): void {
        this.program.stdout.resume();
    }

    override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
        // An error here is the program's end, which its output tells better.
        this.program.stdin.write(bytes, () => done());
    }

    override _final(done: () => void): void {
        this.program.stdin.end(done);
    }

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
        const { stdin, stdout, stderr } = this.program;
        stdin.destroy();
        stdout.destroy();
        void this.terminate().then(() => stderr.destroy());
        done(error);
    }
}

function endOf(count: number, before: Buffer, bytes: Buffer): Buffer {
    const end = bytes.subarray(-count);
    return Buffer.concat([before.subarray(-(count - end.length) || before.length), end]);
}

async function within(limitMs: number, event: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([event, new Promise((resolve) => (timer = setTimeout(resolve, limitMs)))]);
    clearTimeout(timer);
}
