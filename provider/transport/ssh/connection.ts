import type { Log } from "../../base/log";
import { secretTable, secretsIn } from "../../base/secretTable";
import type { AwsAccess } from "../awsAccess";
import { BastionRoute } from "../bastion";
import { CommandRoute } from "../command";
import { ConnectEndpointRoute } from "../connectEndpoint";
import { sendNewKey } from "../instanceConnect";
import type { Route } from "../route";
import { tcpRoute } from "../tcp";
import { KEEPALIVE, type HopSettings } from "./handshake";
import { AttemptOver } from "./attemptOver";
import { openHop } from "./hop";
import { prepareHop, type SshSettings, type SshTarget } from "./hopSettings";
import { retryConnect } from "./retryConnect";
import { SshConnection } from "./sshConnection";
import type { Where } from "./sshError";

export { LineTimeout, OutputTooLong, SshChannel, type Exit } from "./channel";
export type { AwsAccess } from "../awsAccess";
export type { SshSettings, SshTarget } from "./hopSettings";
export { SshConnection } from "./sshConnection";
export { SshError, type SshErrorCode } from "./sshError";

export interface ConnectOptions {
    /** For all tries together. */
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly log: Log;
    /** Whether the instance was started so short a time ago that it may still get its users. Default: no. */
    readonly isYoung?: (() => boolean) | undefined;
    /** How often an idle connection is asked whether it lives; it is given up after three missing answers. Default 5000. */
    readonly keepaliveMs?: number;
    /** The instance that the settings lead to, for tunnels that find it by its id. */
    readonly instanceId?: string;
    /** Absent: a program that is to carry the connection gets no credentials beside those of our own environment. */
    readonly aws?: AwsAccess;
}

/** One try: the way there, key exchange, login; with a bastion, all of it twice. */
const ATTEMPT_MS = 15_000;

/**
 * Connects and logs in. Keeps trying while the host may be booting (refused, unreachable, timed out, cut, name not
 * found, "still booting"). Credentials that a young instance refuses are tried again three times, because cloud-init may
 * only be making the account; that an older one refuses them, a wrong host key and what is no SSH server fail at once.
 *
 * Rejects with SshError, or with the signal's reason.
 */
export async function connect(settings: SshSettings, options: ConnectOptions): Promise<SshConnection> {
    const { signal, timeoutMs, keepaliveMs = KEEPALIVE.intervalMs } = options;
    signal.throwIfAborted();
    // Those of both: each of the two servers could echo what the other was given.
    const secrets = secretsIn(secretTable.quiesce.connection, settings);
    const prepare = (where: Where, target: SshTarget, instanceId: string | undefined) =>
        withSentKeys(
            prepareHop(where, target, secrets, keepaliveMs, instanceId),
            target,
            instanceId,
            options.aws,
        );
    const instance = prepare("instance", settings, options.instanceId);
    const proxy = settings.proxy && prepare("proxy", settings.proxy, instanceIdOf(settings.proxy));
    const route = proxy
        ? new BastionRoute(
              routeTo(proxy, settings.proxy, instanceIdOf(settings.proxy), options),
              proxy,
              instance,
          )
        : routeTo(instance, settings, options.instanceId, options);
    try {
        return await retryConnect((remainingMs) => attempt(instance, route, remainingMs, signal), {
            timeoutMs,
            signal,
            log: options.log,
            isYoung: options.isYoung,
            target: `${instance.host}:${instance.port}`,
        });
    } catch (error) {
        await route.close();
        throw error;
    }
}

function instanceIdOf({ tunnel }: SshTarget): string | undefined {
    return tunnel !== undefined && "instanceId" in tunnel ? tunnel.instanceId : undefined;
}

function withSentKeys(
    hop: HopSettings,
    { instanceConnect, user }: SshTarget,
    instanceId: string | undefined,
    aws: AwsAccess | undefined,
): HopSettings {
    if (instanceConnect !== true) {
        return hop;
    }
    if (instanceId === undefined || aws === undefined) {
        throw new TypeError("EC2 Instance Connect needs AWS, and an instance's id");
    }
    return { ...hop, sendNewKey: (signal) => sendNewKey({ ...hop, instanceId, user }, aws, signal) };
}

function routeTo(
    hop: HopSettings,
    { tunnel }: SshTarget,
    instanceId: string | undefined,
    { aws }: ConnectOptions,
): Route {
    switch (tunnel?.via) {
        case undefined:
            return tcpRoute(hop);
        case "command":
            return new CommandRoute(hop, {
                command: tunnel.command,
                awsEnvironment: (signal) => aws?.environment(signal) ?? Promise.resolve({}),
            });
        case "instance-connect-endpoint":
            if (instanceId === undefined || aws === undefined) {
                throw new TypeError("an endpoint needs AWS, and an instance's id");
            }
            return new ConnectEndpointRoute(hop, instanceId, tunnel.endpointId, aws);
    }
}

async function attempt(
    instance: HopSettings,
    route: Route,
    remainingMs: number,
    signal: AbortSignal,
): Promise<SshConnection> {
    const limit = new AbortController();
    const limitMs = Math.min(ATTEMPT_MS, remainingMs);
    const timer = setTimeout(() => limit.abort(new AttemptOver(limitMs)), limitMs);
    try {
        const hop = await openHop(instance, route, AbortSignal.any([signal, limit.signal]));
        return new SshConnection(instance.address, hop, route);
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    } finally {
        clearTimeout(timer);
    }
}
