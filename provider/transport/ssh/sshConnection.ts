import type { ClientChannel } from "ssh2";
import { SshChannel } from "./channel";
import type { Route } from "../route";
import type { Hop } from "./handshake";
import { closeHop } from "./hop";
import { SshError, type SshFailure } from "./sshError";

export interface ConnectionEnd {
    /** Whether close() was called. */
    readonly asked: boolean;
    readonly reason: string;
}

/** A server that accepted the login must accept or refuse a command in this time. */
const EXEC_MS = 15_000;

/** A logged-in connection to the instance. */
export class SshConnection {
    /** Resolves (never rejects) when the connection is gone, with why. */
    readonly closed: Promise<ConnectionEnd>;
    #closing: Promise<void> | undefined;

    /** @internal use connect() */
    constructor(
        /** `user@host:port`, for messages. */
        readonly address: string,
        private readonly hop: Hop,
        private readonly route: Route,
    ) {
        this.closed = hop.gone.then((reason) => {
            const asked = this.#closing !== undefined;
            if (!asked) {
                hop.socket.destroy();
                void route.close();
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
                    // ssh2 answers so as well when the connection ends, which `closed` tells better.
                    setImmediate(() =>
                        fail(`the server starts no command: ${error.message}`, "SSH_PROTOCOL_ERROR"),
                    );
                } else if (channel && over) {
                    new SshChannel(channel, this.closed).close();
                } else if (channel) {
                    finish(() => resolve(new SshChannel(channel, this.closed)));
                }
            };
            try {
                this.hop.client.exec(command, answer);
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

    /** Ends it, then what carries it. Takes a few seconds at most, may be called again, and leaves nothing that keeps the process alive. */
    close(): Promise<void> {
        this.#closing ??= closeHop(this.hop).then(() => this.route.close());
        return this.#closing;
    }
}
