import { setTimeout as delay } from "node:timers/promises";
import { type CloudNetwork, loopbackNetwork } from "../cloud/cloudNetwork";
import { type LaunchEvent, type LocalCloud, consoleOutputOfHostKeys } from "../cloud/localCloud";
import { type SshHost, type SshHostOptions, sharedClientKey, startSshHost } from "./sshHost";
import { freePort } from "./freePort";

const WAIT_MS = 2_000;
const ENDED_MS = 20_000;

/** A volume of a copy, and the snapshot that it was made of. */
export interface CopiedVolume {
    readonly device: string;
    readonly volumeId: string;
    readonly snapshotId: string;
}

type Launched = Extract<LaunchEvent, { what: "launched" }>;

/** What the host of an instance is to be like. */
export interface Boot {
    readonly host?: Omit<SshHostOptions, "instanceId" | "port">;
    /** It never answers. */
    readonly never?: boolean;
    /** What it prints on its console. Default: its host keys, as cloud-init does. */
    readonly console?: "keys" | "nothing";
    /** When sshd runs. */
    readonly prepare?: (host: SshHost, volumes: readonly CopiedVolume[]) => Promise<void> | void;
}

/**
 * Gives each instance that is launched in the cloud a host, at its own address, as if it had booted; and ends the host
 * when the instance is terminated. Not simulated: sshd, sudo and what runs there. Simulated: that anything boots.
 */
export class Copies {
    /** Of all copies' sshd. */
    readonly port: number;
    /** Logs in to each. */
    readonly clientKey = sharedClientKey();
    readonly network: Omit<CloudNetwork, "privateIp">;
    /** Of those that come. */
    boot: Boot = {};
    /** Those that are not terminated, by instance. */
    readonly hosts = new Map<string, SshHost>();
    /** What went wrong here, and not in what is tested. */
    readonly problems: unknown[] = [];
    /** A request that is repeated is answered with the same instance. */
    readonly #launched = new Set<string>();
    readonly #cloud: LocalCloud;
    readonly #watching: Promise<void>;
    #stopped = false;

    private constructor(cloud: LocalCloud, network: Omit<CloudNetwork, "privateIp">, port: number) {
        this.#cloud = cloud;
        this.network = network;
        this.port = port;
        this.#watching = this.#watch();
    }

    /** @param port of their sshd, such as that of the server that they are copies of. Default: a free one */
    static async start(cloud: LocalCloud, port?: number): Promise<Copies> {
        return new Copies(cloud, await loopbackNetwork(cloud), port ?? (await freePort()));
    }

    /** `launch` of a program. */
    get launch(): { instanceType: string; subnetId: string; vpcSecurityGroupIds: string[] } {
        const { subnetId, securityGroupId } = this.network;
        return { instanceType: "m5.large", subnetId, vpcSecurityGroupIds: [securityGroupId] };
    }

    async #watch(): Promise<void> {
        for (let seen = 0; !this.#stopped;) {
            const event = await this.#cloud.awaitLaunch(seen, WAIT_MS).catch(() => null);
            if (event === null) {
                continue;
            }
            seen += 1;
            try {
                if (event.what === "launched") {
                    await this.#start(event);
                } else {
                    await this.#end(event.instanceId);
                }
            } catch (error) {
                this.problems.push(error);
            }
        }
    }

    async #start({ instanceId, volumes }: Launched): Promise<void> {
        const { never = false, host: options = {}, console: prints = "keys", prepare } = this.boot;
        if (never || this.#launched.has(instanceId)) {
            return;
        }
        this.#launched.add(instanceId);
        const address = await this.#cloud.addressOf(instanceId);
        if (address === null) {
            return;
        }
        const host = await startSshHost({
            freshHostKeys: true,
            ...options,
            instanceId,
            port: this.port,
            sshdConfig: [`ListenAddress ${address}`, ...(options.sshdConfig ?? [])],
        });
        this.hosts.set(instanceId, host);
        await prepare?.(host, volumes);
        if (prints === "keys") {
            await this.#cloud.setConsoleOutput(instanceId, consoleOutputOfHostKeys([...host.hostKeyLines]));
        }
    }

    async #end(instanceId: string): Promise<void> {
        const host = this.hosts.get(instanceId);
        this.hosts.delete(instanceId);
        await host?.stop();
    }

    /** Waits until the hosts of all copies have ended. */
    async untilNone(): Promise<void> {
        const deadline = performance.now() + ENDED_MS;
        while (this.hosts.size > 0) {
            if (performance.now() > deadline) {
                throw new Error(`copies that still run: ${[...this.hosts.keys()].join(", ")}`);
            }
            await delay(20);
        }
    }

    async stop(): Promise<void> {
        this.#stopped = true;
        await this.#watching;
        await Promise.all([...this.hosts.values()].map((host) => host.stop()));
    }
}
