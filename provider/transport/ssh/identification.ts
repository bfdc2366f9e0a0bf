import { Duplex } from "node:stream";

const LINE_END = 0x0a;
/** RFC 4253, 4.2: what a server says before its identification; longer lines are no such text. */
const MAX_TEXT = 4096;

/**
 * A stream to a server, of which nothing is passed on before the line with which the server identifies itself is whole
 * (RFC 4253, 4.2), because ssh2 1.17 loses bytes of one that arrives in more than two pieces.
 */
export class IdentifiedStream extends Duplex {
    /** The lines that the server sent before, at most 4096 characters. They often tell why it refuses. */
    textBefore = "";
    #held: Buffer | undefined = Buffer.alloc(0);

    constructor(private readonly inner: Duplex) {
        super({ allowHalfOpen: true });
        inner.on("data", (bytes: Buffer) => this.#receive(bytes));
        inner.on("end", () => {
            this.#passOn(this.#release());
            this.push(null);
        });
        inner.on("error", (error) => this.destroy(error));
        inner.on("close", () => this.destroy());
    }

    #receive(bytes: Buffer): void {
        if (this.#held === undefined) {
            this.#passOn(bytes);
            return;
        }
        this.#held = Buffer.concat([this.#held, bytes]);
        let from = 0;
        for (let end; (end = this.#held.indexOf(LINE_END, from)) !== -1; from = end + 1) {
            const line = this.#held.toString("latin1", from, end);
            if (line.startsWith("SSH-")) {
                this.#passOn(this.#release());
                return;
            }
            this.textBefore = `${this.textBefore}${line}\n`.slice(0, MAX_TEXT);
        }
        this.#held = this.#held.subarray(from);
    }

    #release(): Buffer {
        const held = this.#held ?? Buffer.alloc(0);
        this.#held = undefined;
        return held;
    }

    #passOn(bytes: Buffer): void {
        if (bytes.length > 0 && !this.push(bytes)) {
            this.inner.pause();
        }
    }

    override _read(): void {
        this.inner.resume();
    }

    override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
        this.inner.write(bytes, done);
    }

    override _final(done: () => void): void {
        this.inner.end(done);
    }

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
        this.inner.destroy();
        done(error);
    }
}
