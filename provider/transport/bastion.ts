import type { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { Route, Way } from "./route";
import type { Hop, HopSettings } from "./ssh/handshake";
import { quoteServer } from "./ssh/handshakeFailure";
import { closeHop, openHop } from "./ssh/hop";
import { SshError, unreachable } from "./ssh/sshError";

/** By way of another SSH server, which forwards (`direct-tcpip` of RFC 4254, 7.2). */
export class BastionRoute implements Route {
    #bastion: Hop | undefined;

    constructor(
        private readonly toBastion: Route,
        private readonly bastion: HopSettings,
        private readonly instance: HopSettings,
    ) {}

    /** One that lives and does not reach the instance yet is kept: a login for each try might look like an attack. */
    async open(signal: AbortSignal): Promise<Way> {
        const bastion = (this.#bastion ??= await this.#reach(signal));
        const stream = await forward(bastion, this.instance, signal).catch(async (error: unknown) => {
            await this.close();
            throw error;
        });
        if (stream instanceof SshError) {
            throw stream;
        }
        return { stream, gone: bastion.gone.then((reason) => `proxy: ${reason}`) };
    }

    async #reach(signal: AbortSignal): Promise<Hop> {
        const hop = await openHop(this.bastion, this.toBastion, signal);
        void hop.gone.then(() => {
            if (this.#bastion === hop) {
                this.#bastion = undefined;
            }
        });
        return hop;
    }

    async close(): Promise<void> {
        const bastion = this.#bastion;
        this.#bastion = undefined;
        if (bastion) {
            await closeHop(bastion);
        }
        await this.toBastion.close();
    }
}

const ADMINISTRATIVELY_PROHIBITED = 1;

/** Resolves with an error when the bastion, which is well, says that it does not reach the instance. */
function forward(bastion: Hop, instance: HopSettings, signal: AbortSignal): Promise<Duplex | SshError> {
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
            if (error?.reason === ADMINISTRATIVELY_PROHIBITED) {
                reject(forbidden(error, instance));
            } else if (error) {
                resolve(unreachable(instance, `the proxy does not reach it: ${quote(error, instance)}`));
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

function forbidden(error: Error, instance: HopSettings): SshError {
    return new SshError({
        code: "SSH_UNREACHABLE",
        where: "proxy",
        address: instance.address,
        what: `the proxy forbids forwarding to the instance: ${quote(error, instance)}`,
        remedy: "set AllowTcpForwarding yes (and a PermitOpen that covers the instance) in the proxy's sshd_config",
    });
}

function quote(error: Error, { secrets }: HopSettings): string {
    return quoteServer(error.message.replace("(SSH) Channel open failure: ", ""), secrets);
}
