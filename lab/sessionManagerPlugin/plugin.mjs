// Stands for AWS's Session Manager plugin, where that is not installed, as far as sessions to a port by
// AWS-StartSSHSession go: the command line, the token by the environment, the greeting and the errors on standard output,
// the exit codes, and the protocol of the data channel. It was written from what the plugin's open source does, and tried
// beside it. What it lacks: other kinds of sessions, encryption by KMS, signed upgrades, Windows.
import { Buffer } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import { setInterval } from "node:timers";

const { WebSocket, fetch, performance } = globalThis;

const VERSION = "1.3.0.0";
const RESPONSE = "AWS_SSM_START_SESSION_RESPONSE";
const LONGEST_PAYLOAD = 1024;
const LOOK_MS = 100;
const LONGEST_WAIT_MS = 1_000;
const [DATA, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE] = [1, 5, 6, 7];
const HEADER_LENGTH = 116;

/** Big-endian; the lower half of the id comes first. */
function encode({ type, id, sequence, payloadType, payload }) {
    const bytes = Buffer.alloc(HEADER_LENGTH + 4 + payload.length);
    bytes.writeUInt32BE(HEADER_LENGTH, 0);
    bytes.write(type.padEnd(32), 4, "latin1");
    bytes.writeUInt32BE(1, 36);
    bytes.writeBigUInt64BE(BigInt(Date.now()), 40);
    bytes.writeBigInt64BE(BigInt(sequence), 48);
    const words = Buffer.from(id.replaceAll("-", ""), "hex");
    words.copy(bytes, 64, 8);
    words.copy(bytes, 72, 0, 8);
    createHash("sha256").update(payload).digest().copy(bytes, 80);
    bytes.writeUInt32BE(payloadType, 112);
    bytes.writeUInt32BE(payload.length, HEADER_LENGTH);
    payload.copy(bytes, HEADER_LENGTH + 4);
    return bytes;
}

function decode(bytes) {
    const header = bytes.readUInt32BE(0);
    const payload = bytes.subarray(header + 4, header + 4 + bytes.readUInt32BE(header));
    if (!createHash("sha256").update(payload).digest().equals(bytes.subarray(80, 112))) {
        throw new Error("a digest of another payload");
    }
    const id = Buffer.concat([bytes.subarray(72, 80), bytes.subarray(64, 72)]).toString("hex");
    return {
        type: bytes
            .subarray(4, 36)
            .toString("latin1")
            .replace(/[\0 ]+$/, ""),
        id: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
        sequence: Number(bytes.readBigInt64BE(48)),
        payloadType: bytes.readUInt32BE(112),
        payload,
    };
}

class Plugin {
    #session;
    #region;
    #endpoint;
    #clientId = randomUUID();
    #socket;
    #sent = new Map();
    #next = 0;
    #expected = 0;
    #early = new Map();
    #waitMs = 200;
    #ready = false;

    constructor(session, region, endpoint) {
        this.#session = session;
        this.#region = region;
        this.#endpoint = endpoint;
        setInterval(() => this.#sendAgain(), LOOK_MS);
    }

    open() {
        const { StreamUrl, TokenValue } = this.#session;
        const socket = new WebSocket(StreamUrl);
        socket.binaryType = "arraybuffer";
        this.#socket = socket;
        let opened = false;
        socket.onopen = () => {
            opened = true;
            const hello = {
                MessageSchemaVersion: "1.0",
                RequestId: randomUUID(),
                TokenValue,
                ClientId: this.#clientId,
                ClientVersion: VERSION,
            };
            socket.send(JSON.stringify(hello));
        };
        socket.onmessage = ({ data }) => this.#take(decode(Buffer.from(data)));
        socket.onerror = () => undefined;
        socket.onclose = ({ code, reason }) => {
            if (!opened) {
                end(`Cannot perform start session: failed to open data channel: ${code} ${reason}\n`);
            }
            void this.#resume();
        };
    }

    /** The data channel was lost, and the session perhaps not. */
    async #resume() {
        const { SessionId } = this.#session;
        const target = {
            "x-amz-target": "AmazonSSM.ResumeSession",
            "content-type": "application/x-amz-json-1.1",
        };
        const scope = `${process.env.AWS_ACCESS_KEY_ID}/20000101/${this.#region}/ssm/aws4_request`;
        const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
        const answer = await fetch(this.#endpoint, {
            method: "POST",
            headers: { ...target, authorization },
            body: JSON.stringify({ SessionId }),
        }).catch(() => undefined);
        const resumed = answer?.ok ? await answer.json() : {};
        if (!resumed.TokenValue) {
            end(`Session: ${SessionId} timed out.\n`);
        }
        this.#session = resumed;
        this.open();
    }

    send(payloadType, payload) {
        const message = {
            type: "input_stream_data",
            id: randomUUID(),
            sequence: this.#next,
            payloadType,
            payload,
        };
        // As the real one does: what cannot be sent at once is not sent again later, and that is the end.
        if (this.#socket.readyState !== WebSocket.OPEN) {
            end("Cannot perform start session: the data channel is broken\n");
        }
        this.#sent.set(this.#next, { message, at: performance.now() });
        this.#next += 1;
        this.#write(message);
    }

    #write(message) {
        if (this.#socket.readyState === WebSocket.OPEN) {
            this.#socket.send(encode(message));
        }
    }

    /** The oldest only. */
    #sendAgain() {
        const [oldest] = this.#sent.values();
        if (oldest !== undefined && performance.now() - oldest.at > this.#waitMs) {
            oldest.at = performance.now();
            this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
            this.#write(oldest.message);
        }
    }

    #take(message) {
        const { type, payload, payloadType, sequence } = message;
        if (type === "acknowledge") {
            this.#sent.delete(JSON.parse(payload).AcknowledgedMessageSequenceNumber);
            this.#waitMs = 200;
        } else if (type === "channel_closed") {
            const { SessionId, Output } = JSON.parse(payload);
            end(
                Output
                    ? `\n\nSessionId: ${SessionId} : ${Output}\n\n`
                    : `\n\nExiting session with sessionId: ${SessionId}.\n\n`,
            );
        } else if (type === "output_stream_data") {
            // Who is not ready does not acknowledge, so that it comes again.
            if (payloadType === DATA && !this.#ready) {
                return;
            }
            this.#acknowledge(message);
            if (sequence >= this.#expected) {
                this.#early.set(sequence, message);
            }
            for (let next; (next = this.#early.get(this.#expected)) !== undefined;) {
                this.#early.delete(this.#expected);
                this.#expected += 1;
                this.#act(next);
            }
        }
    }

    #acknowledge({ type, id, sequence }) {
        const content = {
            AcknowledgedMessageType: type,
            AcknowledgedMessageId: id,
            AcknowledgedMessageSequenceNumber: sequence,
            IsSequentialMessage: true,
        };
        const payload = Buffer.from(JSON.stringify(content));
        this.#write({ type: "acknowledge", id: randomUUID(), sequence: 0, payloadType: 0, payload });
    }

    #act({ payloadType, payload }) {
        if (payloadType === HANDSHAKE_REQUEST) {
            const actions = JSON.parse(payload).RequestedClientActions;
            const answer = {
                ClientVersion: VERSION,
                ProcessedClientActions: actions.map(({ ActionType }) => ({ ActionType, ActionStatus: 1 })),
                Errors: [],
            };
            this.send(HANDSHAKE_RESPONSE, Buffer.from(JSON.stringify(answer)));
        } else if (payloadType === HANDSHAKE_COMPLETE) {
            this.#ready = true;
            this.#readInput();
        } else if (payloadType === DATA) {
            process.stdout.write(payload);
        }
    }

    #readInput() {
        process.stdin.on("data", (bytes) => {
            for (let at = 0; at < bytes.length; at += LONGEST_PAYLOAD) {
                const piece = bytes.subarray(at, at + LONGEST_PAYLOAD);
                // For a shell's sake, as the plugin says: a line feed alone is meant as the key "enter".
                this.send(DATA, piece.equals(Buffer.from("\n")) ? Buffer.from("\r") : piece);
            }
        });
        // No close frame, and the session goes on: whoever started it ends it.
        process.stdin.on("end", () => process.exit(0));
        process.stdin.on("error", () => process.exit(0));
    }
}

/** Errors go to standard output as well, and the exit code is 0. */
function end(text) {
    process.stdout.write(text, () => process.exit(0));
    // Nothing more is to happen until that is written.
    throw new Ended();
}

class Ended extends Error {}
process.on("uncaughtException", (error) => {
    if (!(error instanceof Ended)) {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
    }
});
process.stdout.on("error", () => process.exit(0));

function main([first, region = "", operation = "", , , endpoint = ""]) {
    if (first === undefined) {
        end(
            "\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n\n",
        );
    }
    if (first === "--version" && region === "") {
        end(`${VERSION}\n`);
    }
    if (operation !== "StartSession") {
        end("Invalid Operation");
    }
    let session;
    try {
        session = JSON.parse(first.startsWith(RESPONSE) ? (process.env[first] ?? "") : first);
    } catch (error) {
        end(`Cannot perform start session: ${error.message}\n`);
    }
    delete process.env[first];
    process.stdout.write(`\nStarting session with SessionId: ${session.SessionId}\n`);
    new Plugin(session, region, endpoint).open();
}

main(process.argv.slice(2));
