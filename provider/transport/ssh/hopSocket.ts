import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { Hop, HopSettings } from "./handshake";
import { describeSocketError, quoteServer } from "./handshakeFailure";
import { SshError, type SshFailure } from "./sshError";

/** A TCP connection to a server. */
export function openSocket(settings: HopSettings, signal: AbortSignal): Promise<Socket> {
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
export class ForwardRefused extends SshError {}

const ADMINISTRATIVELY_PROHIBITED = 1;

/** The same by way of a bastion. */
export function forward(bastion: Hop, instance: HopSettings, signal: AbortSignal): Promise<Duplex> {
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

export function unreachable({ where, address }: HopSettings, what: string, cause?: unknown): SshError {
    return new SshError({ ...UNREACHABLE, where, address, what, cause });
}

const UNREACHABLE: Pick<SshFailure, "code" | "remedy" | "transient"> = {
    code: "SSH_UNREACHABLE",
    remedy: "check that the instance is running, that sshd is up, and the security group and routes between here and there",
    transient: true,
};
