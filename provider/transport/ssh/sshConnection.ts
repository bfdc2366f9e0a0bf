import { setTimeout as delay } from "node:timers/promises";
import type { ClientChannel } from "ssh2";
import { SshChannel } from "./channel";
import type { Hop } from "./handshake";
import { SshError, type SshFailure } from "./sshError";

export interface ConnectionEnd {
    /** Whether close() was called. */
    readonly asked: boolean;
    readonly reason: string;
}

/** A server that accepted the login must accept or refuse a command in this time. */
const EXEC_MS = 15_000;
/** How long a server may take to close after it was told; then the socket is cut. */
const CLOSE_MS = 1000;

/** A logged-in connection to the instance. */
export class SshConnection {
    /** Resolves (never rejects) when the connection is gone, with why. */
    readonly closed: Promise<ConnectionEnd>;
    readonly #instance: Hop;
    readonly #hops: readonly Hop[];
    #closing: Promise<void> | undefined;

    /** @internal use connect() */
    constructor(
        /** `user@host:port`, for messages. */
        readonly address: string,
        hop: Hop,
        bastion: Hop | undefined,
    ) {
        this.#instance = hop;
        this.#hops = bastion ? [hop, bastion] : [hop];
        this.closed = Promise.race([
            hop.gone,
            ...(bastion ? [bastion.gone.then((reason) => `proxy: ${reason}`)] : []),
        ]).then((reason) => {
            const asked = this.#closing !== undefined;
            if (!asked) {
                for (const { socket } of this.#hops) {
                    socket.destroy();
                }
            }
            return { asked, reason };
        });
    }

    /** Starts a command without a terminal. Rejects with SshError, or with the signal's reason. */
    exec(command: string, options: { signal?: AbortSignal } = {}): Promise<SshChannel> {
        const { signal } = options;
        return new Promise((resolve, reject) => {
            let over = false;
            const finish = (act: () => void) => {
                if (over) {
                    return;
                }
                over = true;
                clearTimeout(timer);
                signal?.removeEventListener("abort", onAbort);
                act();
            };
            const fail = (what: string, code: SshFailure["code"]) =>
                finish(() => reject(this.#execError(what, code)));
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            const onAbort = () => finish(() => reject(signal?.reason));
            const timer = setTimeout(
                () => fail(`no answer to a command within ${EXEC_MS / 1000} s`, "SSH_PROTOCOL_ERROR"),
                EXEC_MS,
            );
            if (signal?.aborted) {
                onAbort();
                return;
            }
            signal?.addEventListener("abort", onAbort);
            void this.closed.then(({ reason }) =>
                fail(`the connection is gone: ${reason}`, "SSH_UNREACHABLE"),
            );
            const answer = (error: Error | undefined, channel?: ClientChannel) => {
                if (error) {
                    fail(`the server starts no command: ${error.message}`, "SSH_PROTOCOL_ERROR");
                } else if (channel && over) {
                    new SshChannel(channel, this.closed).close();
                } else if (channel) {
                    finish(() => resolve(new SshChannel(channel, this.closed)));
                }
            };
            try {
                this.#instance.client.exec(command, answer);
            } catch {
                fail("the connection is gone", "SSH_UNREACHABLE");
            }
        });
    }

    #execError(what: string, code: SshFailure["code"]): SshError {
        return new SshError({
            code,
            where: "instance",
            address: this.address,
            what,
            remedy: "look at the sshd log on the host, and at the account's shell and forced commands",
        });
    }

    /** Ends both hops, the instance's first. Takes at most about 2 s, may be called again, and leaves nothing that keeps the process alive. */
    close(): Promise<void> {
        this.#closing ??= this.#closeHops();
        return this.#closing;
    }

    async #closeHops(): Promise<void> {
        for (const hop of this.#hops) {
            hop.client.end();
            const cut = new AbortController();
            await Promise.race([
                hop.gone,
                delay(CLOSE_MS, undefined, { signal: cut.signal }).catch(() => undefined),
            ]);
            cut.abort();
            hop.socket.destroy();
        }
    }
}
