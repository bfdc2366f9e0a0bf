import {
    OpenSSHAgent,
    type AnyAuthMethod,
    type AuthHandlerMiddleware,
    type ParsedKey,
    type SignCallback,
    type SigningRequestOptions,
} from "ssh2";
import type { Socket } from "node:net";
import { describeHostKey, fingerprint } from "./hostKey";

export interface Credentials {
    readonly user: string;
    readonly key?: ParsedKey;
    readonly password?: string;
    readonly agentSocketPath?: string;
    /** A key that EC2 Instance Connect has given to the instance for this login. */
    readonly sentKey?: ParsedKey | undefined;
}

/** Among what was tried. It says nothing of the key, of which nothing is to be kept. */
export const SENT_KEY = "the key that EC2 Instance Connect has taken";

interface Candidate {
    /** The method's name in the protocol, as the server lists those that it offers. */
    readonly method: "publickey" | "password" | "keyboard-interactive";
    /** For messages; no secret. */
    readonly description: string;
    readonly auth: AnyAuthMethod;
}

/** One login on one connection: tries the private key, the password, then the agent, as far as the server offers them. */
export class Login {
    /** What was sent, for messages. */
    readonly tried: string[] = [];
    /** What of it the server took, to ask for more. */
    readonly accepted: string[] = [];
    /** What else there is to say about why it failed. */
    readonly notes: string[] = [];
    /** The methods that the server offers; undefined before it said so. */
    offered: readonly string[] | undefined;
    readonly #user: string;
    readonly #agent: BoundedAgent | undefined;
    #candidates: readonly Candidate[];

    constructor(credentials: Credentials) {
        this.#user = credentials.user;
        this.#agent = credentials.agentSocketPath ? new BoundedAgent(credentials.agentSocketPath) : undefined;
        this.#candidates = candidatesOf(credentials, this.#agent);
    }

    readonly handler: AuthHandlerMiddleware = (methodsLeft, partialSuccess, next) => {
        // The first question is "none", whose refusal lists the methods and counts as no failed try.
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- null at first, whatever the types say
        if (methodsLeft === null) {
            next({ type: "none", username: this.#user });
            return;
        }
        this.offered = methodsLeft;
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-boolean-literal-compare -- null at first, too
        if (partialSuccess === true) {
            this.#accept();
        }
        const candidate = this.#candidates.find(({ method }) => methodsLeft.includes(method));
        if (!candidate) {
            next(false as never);
            return;
        }
        this.#candidates = this.#candidates.filter((other) => other !== candidate);
        this.tried.push(candidate.description);
        next(candidate.auth);
    };

    /** Servers ask on, and with PAM often nothing: of whoever needs no second factor, for one. */
    #accept(): void {
        this.accepted.push(this.tried.at(-1) ?? "");
        if (!this.#candidates.some(({ method }) => method === "keyboard-interactive")) {
            this.#candidates = [...this.#candidates, this.#withoutAnswer()];
        }
    }

    #withoutAnswer(): Candidate {
        return {
            method: "keyboard-interactive",
            description: "keyboard-interactive without an answer",
            auth: {
                type: "keyboard-interactive",
                username: this.#user,
                prompt: (_name, _instructions, _language, prompts, finish) => {
                    this.notes.push(
                        ...prompts.map(({ prompt }) => `the server asks ${JSON.stringify(prompt)}`),
                    );
                    finish(prompts.map(() => ""));
                },
            },
        };
    }

    /** Closes what is still open to the agent, which may never answer. */
    dispose(): void {
        this.#agent?.dispose();
    }
}

function candidatesOf(credentials: Credentials, agent: BoundedAgent | undefined): Candidate[] {
    const { user: username, key, password, sentKey } = credentials;
    const candidates: Candidate[] = [];
    if (sentKey) {
        candidates.push({
            method: "publickey",
            description: SENT_KEY,
            auth: { type: "publickey", username, key: sentKey as never },
        });
    }
    if (key) {
        candidates.push({
            method: "publickey",
            description: `private key (${describeHostKey({ type: key.type, fingerprint: fingerprint(key.getPublicSSH()) })})`,
            auth: { type: "publickey", username, key: refuseSha1(key) as never },
        });
    }
    if (password !== undefined) {
        candidates.push({
            method: "password",
            description: "password",
            auth: { type: "password", username, password },
        });
        candidates.push({
            method: "keyboard-interactive",
            description: "password by keyboard-interactive",
            auth: {
                type: "keyboard-interactive",
                username,
                prompt: (_name, _instructions, _language, prompts, finish) =>
                    finish(prompts.map(() => password)),
            },
        });
    }
    if (agent) {
        candidates.push({
            method: "publickey",
            description: "agent",
            auth: { type: "agent", username, agent },
        });
    }
    return candidates;
}

const SHA1_REFUSED = "the server takes RSA keys with SHA-1 only, which is not used; take an Ed25519 key";

// ssh2 falls back to SHA-1 signatures when a server does not announce SHA-2 ones.
function refuseSha1(key: ParsedKey): ParsedKey {
    if (key.type !== "ssh-rsa") {
        return key;
    }
    const guarded = Object.create(key) as ParsedKey;
    guarded.sign = (data, algorithm) =>
        isSha2(algorithm) ? key.sign(data, algorithm) : (new Error(SHA1_REFUSED) as never);
    return guarded;
}

function isSha2(hash: string | undefined): boolean {
    return hash === "sha256" || hash === "sha512";
}

class BoundedAgent extends OpenSSHAgent {
    readonly #sockets = new Set<Socket>();
    #disposed = false;

    override getStream(callback: (error?: Error | null, stream?: Socket) => void): void {
        super.getStream(((error: Error | null | undefined, stream?: Socket) => {
            if (stream) {
                this.#sockets.add(stream);
                stream.once("close", () => this.#sockets.delete(stream));
                if (this.#disposed) {
                    stream.destroy();
                }
            }
            callback(error, stream);
        }) as never);
    }

    override sign(
        key: ParsedKey,
        data: Buffer,
        options?: SigningRequestOptions | SignCallback,
        callback?: SignCallback,
    ): boolean {
        const hash = typeof options === "object" ? options.hash : undefined;
        if (key.type !== "ssh-rsa" || isSha2(hash)) {
            return super.sign(key, data, options as SigningRequestOptions, callback);
        }
        callback?.(new Error(SHA1_REFUSED));
        return true;
    }

    dispose(): void {
        this.#disposed = true;
        for (const socket of this.#sockets) {
            socket.destroy();
        }
    }
}
