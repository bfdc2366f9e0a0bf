import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { ClientChannel } from "ssh2";
import { SshChannel } from "./channel";
import { handshake, KEEPALIVE, OtherHostKey, type Hop, type HopSettings } from "./handshake";
import { describeSocketError, quoteServer } from "./handshakeFailure";
import { describeHostKey, HOST_KEY_TYPES, hostKeyTypesToAsk, parseHostKeys, type HostKey } from "./hostKey";
import { readPrivateKey } from "./privateKey";
import { retryConnect } from "./retryConnect";
import { SshError, type SshFailure, type Where } from "./sshError";

export { LineTimeout, OutputTooLong, SshChannel, type Exit } from "./channel";
export { SshError, type SshErrorCode } from "./sshError";

/** A server and how to log in to it. The names and the order of credentials are those of `command.remote.Command`. */
export interface SshTarget {
    readonly host: string;
    /** Default 22. */
    readonly port?: number;
    readonly user: string;
    /** Also answers keyboard-interactive questions. Tried after the private key. */
    readonly password?: string;
    /** The key's text, not its path. Tried first. */
    readonly privateKey?: string;
    readonly privateKeyPassword?: string;
    /** Tried last. Default: the environment's SSH_AUTH_SOCK. */
    readonly agentSocketPath?: string;
    /** What the host's key must be: see parseHostKey. */
    readonly hostKey?: string | readonly string[];
    /** Accepts any host key when there is no `hostKey`. Default false. */
    readonly insecureIgnoreHostKey?: boolean;
}

export interface SshSettings extends SshTarget {
    /** One bastion on the way. */
    readonly proxy?: SshTarget;
}

export interface ConnectOptions {
    /** For all tries together. */
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    log(line: string): void;
    /** How often an idle connection is asked whether it lives; it is given up after three missing answers. Default 5000. */
    readonly keepaliveMs?: number;
}

export interface ConnectionEnd {
    /** Whether close() was called. */
    readonly asked: boolean;
    readonly reason: string;
}

/** One try: TCP, key exchange, login; with a bastion, all of it twice. */
const ATTEMPT_MS = 15_000;
/** A server that accepted the login must accept or refuse a command in this time. */
const EXEC_MS = 15_000;
/** How long a server may take to close after it was told; then the socket is cut. */
const CLOSE_MS = 1000;

/**
 * Connects and logs in. Keeps trying while the host may be booting (refused, unreachable, timed out, cut, name not
 * found, "still booting"); wrong credentials, a wrong host key and what is no SSH server fail at once. The account
 * must therefore exist when sshd starts, as it does with cloud-init, which runs before sshd.
 *
 * Rejects with SshError, or with the signal's reason.
 */
export async function connect(settings: SshSettings, options: ConnectOptions): Promise<SshConnection> {
    options.signal.throwIfAborted();
    const instance = prepareHop("instance", settings, options);
    const proxy = settings.proxy && prepareHop("proxy", settings.proxy, options);
    const road = new Road(instance, proxy);
    try {
        return await retryConnect((remainingMs) => road.attempt(remainingMs, options.signal), {
            timeoutMs: options.timeoutMs,
            signal: options.signal,
            log: (line) => options.log(line),
            target: `${instance.host}:${instance.port}`,
        });
    } catch (error) {
        road.dropBastion();
        throw error;
    }
}

function prepareHop(where: Where, target: SshTarget, options: ConnectOptions): HopSettings {
    const port = target.port ?? 22;
    const address = `${target.user}@${target.host}:${port}`;
    return {
        where,
        host: target.host,
        port,
        address,
        credentials: prepareCredentials(where, address, target),
        hostKeys: prepareHostKeys(where, address, target),
        secrets: [target.password, target.privateKeyPassword, target.privateKey].filter(
            (text) => !!text,
        ) as string[],
        keepaliveMs: options.keepaliveMs ?? KEEPALIVE.intervalMs,
    };
}

function prepareCredentials(where: Where, address: string, target: SshTarget): HopSettings["credentials"] {
    const agentSocketPath = target.agentSocketPath || process.env["SSH_AUTH_SOCK"];
    const key = target.privateKey ? readPrivateKey(target.privateKey, target.privateKeyPassword) : undefined;
    if (key && "reason" in key) {
        throw new SshError({
            code: "SSH_LOGIN_REFUSED",
            where,
            address,
            what: `${key.input} ${key.reason}`,
            remedy: "give the text of a private key that ssh-keygen made, and its passphrase in privateKeyPassword",
        });
    }
    return {
        user: target.user,
        ...(key && { key }),
        ...(target.password && { password: target.password }),
        ...(agentSocketPath && { agentSocketPath }),
    };
}

function prepareHostKeys(where: Where, address: string, target: SshTarget): HopSettings["hostKeys"] {
    if (target.hostKey === undefined && target.insecureIgnoreHostKey === true) {
        return "any";
    }
    const keys = parseHostKeys(target.hostKey ?? []);
    if (!("problem" in keys)) {
        return keys;
    }
    throw new SshError({
        code: "SSH_HOST_KEY_MISMATCH",
        where,
        address,
        what:
            target.hostKey === undefined
                ? "there is no hostKey to compare the host's with"
                : `hostKey ${keys.problem}`,
        remedy: "give the host's public key in hostKey, for example from InstanceHostKeys",
    });
}

/** The way to the instance, with a bastion that may outlive a failed try. */
class Road {
    #bastion: Hop | undefined;

    constructor(
        readonly instance: HopSettings,
        readonly proxy: HopSettings | undefined,
    ) {}

    async attempt(remainingMs: number, signal: AbortSignal): Promise<SshConnection> {
        const limit = new AbortController();
        const limitMs = Math.min(ATTEMPT_MS, remainingMs);
        const timer = setTimeout(() => limit.abort(), limitMs);
        const progress = { settings: this.proxy ?? this.instance };
        const attemptSignal = AbortSignal.any([signal, limit.signal]);
        try {
            const bastion =
                this.proxy && (this.#bastion ??= await this.#reachBastion(this.proxy, attemptSignal));
            progress.settings = this.instance;
            const hop = await logIn(this.instance, attemptSignal, () =>
                bastion
                    ? forward(bastion, this.instance, attemptSignal)
                    : openSocket(this.instance, attemptSignal),
            );
            this.#bastion = undefined;
            return new SshConnection(this.instance.address, hop, bastion);
        } catch (error) {
            if (!(error instanceof ForwardRefused)) {
                this.dropBastion();
            }
            signal.throwIfAborted();
            if (limit.signal.aborted && !(error instanceof SshError)) {
                throw noAnswer(progress.settings, limitMs);
            }
            throw error;
        } finally {
            clearTimeout(timer);
        }
    }

    async #reachBastion(proxy: HopSettings, signal: AbortSignal): Promise<Hop> {
        const hop = await logIn(proxy, signal, () => openSocket(proxy, signal));
        void hop.gone.then(() => {
            if (this.#bastion === hop) {
                this.#bastion = undefined;
            }
        });
        return hop;
    }

    dropBastion(): void {
        this.#bastion?.socket.destroy();
        this.#bastion = undefined;
    }
}

function noAnswer(settings: HopSettings, limitMs: number): SshError {
    return unreachable(settings, `no answer within ${Math.round(limitMs / 1000)} s`);
}

function unreachable({ where, address }: HopSettings, what: string, cause?: unknown): SshError {
    return new SshError({ ...UNREACHABLE, where, address, what, cause });
}

const UNREACHABLE: Pick<SshFailure, "code" | "remedy" | "transient"> = {
    code: "SSH_UNREACHABLE",
    remedy: "check that the instance is running, that sshd is up, and the security group and routes between here and there",
    transient: true,
};

/**
 * Handshakes on a fresh stream until the server shows an expected key: it shows one key per connection, so that of
 * a fingerprint whose type is unknown may come only when the other types are no longer asked for.
 */
async function logIn(settings: HopSettings, signal: AbortSignal, open: () => Promise<Duplex>): Promise<Hop> {
    let types = settings.hostKeys === "any" ? HOST_KEY_TYPES : hostKeyTypesToAsk(settings.hostKeys);
    const presented: { type: string; fingerprint: string }[] = [];
    for (;;) {
        const socket = await open();
        try {
            return await handshake(socket, settings, types, signal);
        } catch (error) {
            if (!(error instanceof OtherHostKey)) {
                throw error;
            }
            if (error.presented) {
                presented.push(error.presented);
            }
            const shown = error.presented?.type;
            types = shown === undefined ? [] : types.filter((type) => type !== shown);
            if (types.length === 0) {
                throw hostKeyMismatch(settings, presented);
            }
        }
    }
}

function hostKeyMismatch(
    { where, address, hostKeys }: HopSettings,
    presented: readonly { type: string; fingerprint: string }[],
): SshError {
    const expected = (hostKeys as readonly HostKey[]).map(describeHostKey).join(" or ");
    const shown =
        presented.length === 0
            ? "has no key of that type"
            : `presented ${presented.map(describeHostKey).join(" and ")}`;
    return new SshError({
        code: "SSH_HOST_KEY_MISMATCH",
        where,
        address,
        what: `host key not accepted: expected ${expected}, the server ${shown}`,
        remedy: "if the host was replaced or its keys were renewed, update hostKey; else somebody may be in between",
    });
}

function openSocket(settings: HopSettings, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const socket = connectTcp({
            host: settings.host,
            port: settings.port,
            noDelay: true,
            // Of a name's several addresses each gets a fair time; Node's default of 0.25 s excludes far hosts.
            autoSelectFamilyAttemptTimeout: 3000,
        });
        const onAbort = () => {
            socket.destroy();
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            reject(signal.reason);
        };
        const done = () => signal.removeEventListener("abort", onAbort);
        // Stays for good, like the client's.
        socket.on("error", (error) => {
            done();
            reject(unreachable(settings, describeSocketError(error), error));
        });
        socket.once("connect", () => {
            done();
            resolve(socket);
        });
        if (signal.aborted) {
            onAbort();
        } else {
            signal.addEventListener("abort", onAbort);
        }
    });
}

/** The bastion lives and says that it cannot reach the instance. */
class ForwardRefused extends SshError {}

const ADMINISTRATIVELY_PROHIBITED = 1;

function forward(bastion: Hop, instance: HopSettings, signal: AbortSignal): Promise<Duplex> {
    return new Promise((resolve, reject) => {
        const onAbort = () => {
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            reject(signal.reason);
        };
        if (signal.aborted) {
            onAbort();
            return;
        }
        signal.addEventListener("abort", onAbort);
        const done = () => signal.removeEventListener("abort", onAbort);
        void bastion.gone.then((reason) => {
            done();
            reject(
                unreachable(
                    instance,
                    `the connection to the proxy is gone: ${quoteServer(reason, instance.secrets)}`,
                ),
            );
        });
        const answer = (error: (Error & { reason?: unknown }) | undefined, channel?: ClientChannel) => {
            done();
            if (error) {
                reject(describeForwardFailure(error, instance));
            } else if (signal.aborted) {
                channel?.destroy();
            } else if (channel) {
                resolve(channel);
            }
        };
        try {
            bastion.client.forwardOut("127.0.0.1", 0, instance.host, instance.port, answer);
        } catch (error) {
            answer(error as Error);
        }
    });
}

function describeForwardFailure(error: Error & { reason?: unknown }, instance: HopSettings): SshError {
    const { address, secrets } = instance;
    const text = quoteServer(error.message.replace("(SSH) Channel open failure: ", ""), secrets);
    return error.reason === ADMINISTRATIVELY_PROHIBITED
        ? new SshError({
              code: "SSH_UNREACHABLE",
              where: "proxy",
              address,
              what: `the proxy forbids forwarding to the instance: ${text}`,
              remedy: "set AllowTcpForwarding yes (and a PermitOpen that covers the instance) in the proxy's sshd_config",
          })
        : new ForwardRefused({
              ...UNREACHABLE,
              where: "instance",
              address,
              what: `the proxy does not reach it: ${text}`,
          });
}

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
