import type { ClientChannel } from "ssh2";
import { LineBuffer } from "./lineBuffer";

/** A line of output is cut at this many characters. */
export const MAX_LINE = 4096;
/** A command that prints more than this many bytes is cut off: a hostile host could print for ever. */
export const MAX_OUTPUT = 1024 * 1024;
/** And one that prints more lines than this: an empty one costs a byte there, and hundreds here. */
export const MAX_LINES = 20_000;
/** This many bytes of stderr are kept; the rest is read and dropped. */
export const STDERR_HEAD = 2048;

/** How a command ended. Both absent: not known, because the connection died or the server does not say. */
export interface Exit {
    readonly code?: number;
    /** Such as `SIGKILL`. */
    readonly signal?: string;
}

/** `nextLine` waited as long as it was told to; the command may still be running. */
export class LineTimeout extends Error {
    constructor(timeoutMs: number) {
        super(`no line of output within ${(timeoutMs / 1000).toString()} s`);
        this.name = "LineTimeout";
    }
}

/** The command printed more than is accepted; its channel has been closed. */
export class OutputTooLong extends Error {
    constructor(limit: string) {
        super(`more than ${limit} of output`);
        this.name = "OutputTooLong";
    }
}

interface Waiter {
    resolve(line: string | undefined): void;
    reject(reason: unknown): void;
}

/** A running command, without a terminal. */
export class SshChannel {
    /** Resolves (never rejects) when the command has ended, or the connection. */
    readonly exit: Promise<Exit>;
    readonly #channel: ClientChannel;
    readonly #lines: string[] = [];
    readonly #buffer: LineBuffer;
    readonly #stderr: Buffer[] = [];
    #stderrLength = 0;
    #received = 0;
    #delivered = 0;
    #ended = false;
    #failure: Error | undefined;
    #waiter: Waiter | undefined;
    #resolveExit!: (exit: Exit) => void;

    constructor(channel: ClientChannel, connectionClosed: Promise<unknown>, maxLine = MAX_LINE) {
        this.#channel = channel;
        this.#buffer = new LineBuffer(maxLine);
        this.exit = new Promise((resolve) => (this.#resolveExit = resolve));

        channel.on("data", (bytes: Buffer) => this.#onStdout(bytes));
        // Undrained stderr would keep ssh2 from ever emitting "close", and in the end block the command.
        channel.stderr.on("data", (bytes: Buffer) => this.#onStderr(bytes));
        channel.on("error", ignore);
        channel.stderr.on("error", ignore);
        channel.on("end", () => this.#onEnd());
        channel.on("exit", (code: number | null, signal?: string) =>
            this.#resolveExit(code === null ? { ...(signal !== undefined && { signal }) } : { code }),
        );
        channel.on("close", () => this.#onClose());
        void connectionClosed.then(() => this.#onClose());
    }

    /**
     * The next line of stdout without its line end, cut at MAX_LINE characters; undefined when there are no more.
     * Rejects with LineTimeout, with OutputTooLong, or with the signal's reason. One caller at a time.
     */
    async nextLine(timeoutMs: number, signal?: AbortSignal): Promise<string | undefined> {
        signal?.throwIfAborted();
        const line = this.#lines.shift();
        if (line !== undefined) {
            return line;
        }
        if (this.#failure) {
            throw this.#failure;
        }
        if (this.#ended) {
            return undefined;
        }
        if (this.#waiter) {
            throw new TypeError("nextLine was called while another call waits");
        }
        return await this.#wait(timeoutMs, signal);
    }

    #wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<string | undefined> {
        return new Promise((resolve, reject) => {
            const onAbort = () => this.#waiter?.reject(signal?.reason);
            const timer = setTimeout(() => this.#waiter?.reject(new LineTimeout(timeoutMs)), timeoutMs);
            const settle = () => {
                clearTimeout(timer);
                signal?.removeEventListener("abort", onAbort);
                this.#waiter = undefined;
            };
            this.#waiter = {
                resolve: (line) => {
                    settle();
                    resolve(line);
                },
                reject: (reason) => {
                    settle();
                    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
                    reject(reason);
                },
            };
            signal?.addEventListener("abort", onAbort);
        });
    }

    /** Sends text to the command's stdin; nothing happens when the command or the connection is gone. */
    write(text: string): void {
        if (this.#channel.writable) {
            this.#channel.write(text);
        }
    }

    /** Ends the command's stdin. */
    end(): void {
        if (this.#channel.writable) {
            this.#channel.end();
        }
    }

    /** The first STDERR_HEAD bytes of stderr so far. */
    stderrHead(): string {
        return Buffer.concat(this.#stderr).toString("utf8");
    }

    /** Closes the channel; the server then closes the command's stdin and stdout. */
    close(): void {
        try {
            this.#channel.close();
        } catch {
            // The connection is gone, and the channel with it.
        }
    }

    #onStdout(bytes: Buffer): void {
        if (this.#ended || this.#failure || !this.#count(bytes)) {
            return;
        }
        for (const line of this.#buffer.push(bytes)) {
            this.#deliver(line);
        }
    }

    #onStderr(bytes: Buffer): void {
        if (this.#failure || !this.#count(bytes)) {
            return;
        }
        const head = bytes.subarray(0, STDERR_HEAD - this.#stderrLength);
        if (head.length === 0) {
            return;
        }
        this.#stderr.push(Buffer.from(head));
        this.#stderrLength += head.length;
    }

    #count(bytes: Buffer): boolean {
        this.#received += bytes.length;
        if (this.#received <= MAX_OUTPUT) {
            return true;
        }
        this.#cutOff(`${MAX_OUTPUT} bytes`);
        return false;
    }

    #cutOff(limit: string): void {
        this.#failure = new OutputTooLong(limit);
        this.#waiter?.reject(this.#failure);
        this.close();
    }

    #deliver(line: string): void {
        if (this.#failure) {
            return;
        }
        this.#delivered += 1;
        if (this.#delivered > MAX_LINES) {
            this.#cutOff(`${MAX_LINES} lines`);
        } else if (this.#waiter) {
            this.#waiter.resolve(line);
        } else {
            this.#lines.push(line);
        }
    }

    #onEnd(): void {
        if (this.#ended) {
            return;
        }
        const last = this.#buffer.end();
        if (last !== undefined) {
            this.#deliver(last);
        }
        this.#ended = true;
        this.#waiter?.resolve(undefined);
    }

    #onClose(): void {
        this.#onEnd();
        this.#resolveExit({});
    }
}

function ignore(): void {
    // "close" follows, and says all that matters.
}
