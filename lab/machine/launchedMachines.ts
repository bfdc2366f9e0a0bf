import { rm, stat } from "node:fs/promises";
import { type CloudNetwork, loopbackNetwork } from "../cloud/cloudNetwork";
import type { LaunchEvent, LocalCloud } from "../cloud/localCloud";
import { freePort } from "../hosts/freePort";
import { Machine } from "./machine";
import type { VolumeStore } from "./volumeStore";

const LOOK_MS = 5_000;
const LAUNCH_LIMIT_MS = 120_000;
const MIB = 1024 * 1024;

type Launched = Extract<LaunchEvent, { what: "launched" }>;

/**
 * Boots a machine for each instance that the cloud launches of an image, at the instance's own address, from the contents
 * of the image's snapshots; and switches it off when the instance is terminated. All of them end with this process.
 */
export class LaunchedMachines {
    readonly #machines = new Map<string, Promise<Machine>>();
    readonly #watching: Promise<void>;
    #stopped = false;
    #launched: (() => void) | undefined;

    private constructor(
        private readonly cloud: LocalCloud,
        private readonly store: VolumeStore,
        /** Where their addresses are this machine's own. */
        readonly network: Omit<CloudNetwork, "privateIp">,
        /** Of all machines' sshd. */
        readonly port: number,
    ) {
        this.#watching = this.#watch();
    }

    static async start(cloud: LocalCloud, store: VolumeStore): Promise<LaunchedMachines> {
        return new LaunchedMachines(cloud, store, await loopbackNetwork(cloud), await freePort());
    }

    /** That of an instance, switched on; it need not have booted. */
    async machineOf(instanceId: string): Promise<Machine> {
        const deadline = performance.now() + LAUNCH_LIMIT_MS;
        for (;;) {
            const machine = this.#machines.get(instanceId);
            if (machine !== undefined) {
                return await machine;
            }
            const left = deadline - performance.now();
            if (left <= 0) {
                throw new Error(`the cloud has launched no instance ${instanceId}`);
            }
            const { promise, resolve } = Promise.withResolvers<undefined>();
            this.#launched = () => resolve(undefined);
            const timer = setTimeout(this.#launched, left);
            await promise;
            clearTimeout(timer);
        }
    }

    /** Switches off what still runs. */
    async stop(): Promise<void> {
        this.#stopped = true;
        await this.#watching;
        for (const machine of this.#machines.values()) {
            await machine.then((one) => one.stop()).catch(() => undefined);
        }
    }

    async #watch(): Promise<void> {
        for (let seen = 0; !this.#stopped;) {
            const event = await this.cloud.awaitLaunch(seen, LOOK_MS).catch(() => null);
            if (event === null) {
                continue;
            }
            seen += 1;
            if (event.what === "launched") {
                const booting = this.#boot(event);
                // Whoever asks for it hears of it.
                booting.catch(() => undefined);
                this.#machines.set(event.instanceId, booting);
                this.#launched?.();
            } else {
                await this.#end(event.instanceId);
            }
        }
    }

    async #boot({ instanceId, volumes }: Launched): Promise<Machine> {
        const address = await this.cloud.addressOf(instanceId);
        if (address === null) {
            throw new Error(`${instanceId} was terminated before it booted`);
        }
        const inOrder = volumes.toSorted((a, b) => Number(b.root) - Number(a.root));
        const parts = await Promise.all(
            inOrder.map(async ({ snapshotId }) => {
                const file = this.store.path(snapshotId);
                return { file, offsetMiB: 0, sizeMiB: (await stat(file)).size / MIB };
            }),
        );
        const file = await this.store.join(fileOf(instanceId), parts);
        let offsetMiB = 0;
        const ranges = [];
        for (const [index, { volumeId }] of inOrder.entries()) {
            const sizeMiB = parts[index]?.sizeMiB ?? 0;
            await this.cloud.giveContents(volumeId, { file, offset: offsetMiB * MIB, length: sizeMiB * MIB });
            ranges.push({ volumeId, file, offsetMiB, sizeMiB });
            offsetMiB += sizeMiB;
        }
        return await Machine.start({ instanceId, volumes: ranges, address, port: this.port });
    }

    async #end(instanceId: string): Promise<void> {
        const machine = this.#machines.get(instanceId);
        if (machine === undefined) {
            return;
        }
        this.#machines.delete(instanceId);
        await machine.then((one) => one.stop()).catch(() => undefined);
        await rm(this.store.path(fileOf(instanceId)), { force: true });
    }
}

function fileOf(instanceId: string): string {
    return `machine-${instanceId}`;
}
