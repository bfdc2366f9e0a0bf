import { Duplex } from "node:stream";
import type { WebSocket } from "ws" with { "resolution-mode": "import" };

/** What the AWS CLI sends in one frame at most (`ec2instanceconnect/websocket.py`). */
const MOST_IN_FRAME = 65_000;
/** How long the other end may take to answer a close; then the socket is cut. */
const CLOSE_MS = 500;
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;

/** A WebSocket's binary messages as one stream. */
export class TunnelStream extends Duplex {
    /** Resolves when the socket is closed. */
    readonly gone: Promise<void>;
    #ended: string | undefined;
    #failed: string | undefined;

    /** `socket`: an open one. */
    constructor(private readonly socket: WebSocket) {
        super({ allowHalfOpen: true });
        this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
        socket.on("message", (data: Buffer, isBinary: boolean) => {
            if (!isBinary) {
                this.#failed = "it sent text, which no tunnel does";
                socket.close(PROTOCOL_ERROR);
            } else if (!this.push(data)) {
                socket.pause();
            }
        });
        // A close follows, in any case.
        socket.on("error", (error) => (this.#failed ??= error.message));
        socket.on("close", (code: number, reason: Buffer) => {
            this.#ended = this.#failed ?? closeText(code, reason.toString("utf8"));
            this.push(null);
        });
    }

    /** How the tunnel ended, in words; undefined while it lives. */
    get ended(): string | undefined {
        return this.#ended;
    }

    override _read(): void {
        this.socket.resume();
    }

    override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
        const rest = bytes.subarray(MOST_IN_FRAME);
        this.socket.send(bytes.subarray(0, MOST_IN_FRAME), { binary: true }, () => {
            if (rest.length > 0 && this.#ended === undefined) {
                this._write(rest, _encoding, done);
            } else {
                // An error here is the tunnel's end, which its close tells better.
                done();
            }
        });
    }

    override _final(done: () => void): void {
        this.#close();
        done();
    }

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
        this.#close();
        done(error);
    }

    #close(): void {
        this.socket.resume();
        this.socket.close(NORMAL);
        const timer = setTimeout(() => this.socket.terminate(), CLOSE_MS);
        void this.gone.then(() => clearTimeout(timer));
    }
}

/** RFC 6455, 7.4.1: 1005 and 1006 are not sent, but stand for a close without a code, and for none. */
function closeText(code: number, reason: string): string {
    if (code === 1006) {
        return "it was cut";
    }
    return `it was closed (${code})${reason === "" ? "" : `: ${reason}`}`;
}
