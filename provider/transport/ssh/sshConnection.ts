import type { ClientChannel } from "ssh2";
import { SshChannel } from "./channel";
import { pause } from "../../base/pause";
import type { Route } from "../route";
import type { Hop } from "./handshake";
import { closeHop } from "./hop";
import { SshError, type SshFailure } from "./sshError";

export interface ConnectionEnd {
    /** Whether close() was called. */
    readonly asked: boolean;
    readonly reason: string;
}

/** A session that has just ended may still count for the server, which allows so many (MaxSessions of sshd_config). */
const SESSION_MS = 2_000;
const SESSION_PAUSE_MS = 50;
/** A server that accepted the login must accept or refuse a command in this time. */
const EXEC_MS = 15_000;

const NEVER = new AbortController().signal;

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
    async exec(command: string, { signal }: { signal?: AbortSignal } = {}): Promise<SshChannel> {
        const giveUp = performance.now() + SESSION_MS;
        for (;;) {
            try {
                return await this.#start(command, signal);
            } catch (error) {
                if (!(error instanceof SshError) || !error.transient || performance.now() > giveUp) {
                    throw error;
                }
                await pause(SESSION_PAUSE_MS, signal ?? NEVER);
            }
        }
    }

    #start(command: string, signal: AbortSignal | undefined): Promise<SshChannel> {
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
            const fail = (what: string, code: SshFailure["code"], transient = false) =>
                finish(() => reject(this.#execError(what, code, transient)));
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
            const answer = (error: (Error & { reason?: unknown }) | undefined, channel?: ClientChannel) => {
                if (error) {
                    // ssh2 answers so as well when the connection ends, which `closed` tells better.
                    setImmediate(() =>
                        fail(
                            `the server starts no command: ${error.message}`,
                            "SSH_PROTOCOL_ERROR",
                            error.reason !== undefined,
                        ),
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

    #execError(what: string, code: SshFailure["code"], transient: boolean): SshError {
        return new SshError({
            code,
            where: "instance",
            address: this.address,
            what,
            transient,
            remedy: "look at the sshd log on the host, at the account's shell and forced commands, and at MaxSessions of sshd_config",
        });
    }

    /** Ends it, then what carries it. Takes a few seconds at most, may be called again, and leaves nothing that keeps the process alive. */
    close(): Promise<void> {
        this.#closing ??= closeHop(this.hop).then(() => this.route.close());
        return this.#closing;
    }
}
