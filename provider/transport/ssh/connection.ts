import type { Duplex } from "node:stream";
import type { Secret } from "../../base/maskSecrets";
import { secretTable, secretsIn } from "../../base/secretTable";
import { handshake, KEEPALIVE, OtherHostKey, type Hop, type HopSettings } from "./handshake";
import { ForwardRefused, forward, openSocket, unreachable } from "./hopSocket";
import { describeHostKey, HOST_KEY_TYPES, hostKeyTypesToAsk, parseHostKeys, type HostKey } from "./hostKey";
import { readPrivateKey } from "./privateKey";
import { retryConnect } from "./retryConnect";
import { SshConnection } from "./sshConnection";
import { SshError, type Where } from "./sshError";

export { LineTimeout, OutputTooLong, SshChannel, type Exit } from "./channel";
export { SshConnection } from "./sshConnection";
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

/** One try: TCP, key exchange, login; with a bastion, all of it twice. */
const ATTEMPT_MS = 15_000;
/**
 * Connects and logs in. Keeps trying while the host may be booting (refused, unreachable, timed out, cut, name not
 * found, "still booting"); wrong credentials, a wrong host key and what is no SSH server fail at once. The account
 * must therefore exist when sshd starts, as it does with cloud-init, which runs before sshd.
 *
 * Rejects with SshError, or with the signal's reason.
 */
export async function connect(settings: SshSettings, options: ConnectOptions): Promise<SshConnection> {
    options.signal.throwIfAborted();
    // Those of both: each of the two servers could echo what the other was given.
    const secrets = secretsIn(secretTable.quiesce.connection, settings);
    const instance = prepareHop("instance", settings, secrets, options);
    const proxy = settings.proxy && prepareHop("proxy", settings.proxy, secrets, options);
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

function prepareHop(
    where: Where,
    target: SshTarget,
    secrets: readonly Secret[],
    options: ConnectOptions,
): HopSettings {
    const port = target.port ?? 22;
    const address = `${target.user}@${target.host}:${port}`;
    return {
        where,
        host: target.host,
        port,
        address,
        credentials: prepareCredentials(where, address, target),
        hostKeys: prepareHostKeys(where, address, target),
        secrets,
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
