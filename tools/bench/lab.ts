import { configure } from "../../lab/scenes/lifecycle";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { type SshHost, startSshHost } from "../../lab/hosts/sshHost";
import { TcpProxy } from "../../lab/hosts/tcpProxy";

/** An instance, the host that claims to be it, and ways to it of several lengths. */
export interface Server {
    readonly instance: CloudInstance;
    readonly host: SshHost;
    /** The port that a connection with that round-trip time goes to. Milliseconds. */
    port(roundTripMs: number): Promise<number>;
    proxy(roundTripMs: number): Promise<TcpProxy>;
}

/** The parts that all methods are measured on: one cloud, and a server for each number of volumes. */
export class Lab {
    readonly #servers = new Map<number, Promise<Server>>();
    readonly #stops: (() => Promise<void>)[] = [];
    readonly #environment = { ...process.env };

    private constructor(readonly cloud: LocalCloud) {
        this.#stops.push(() => cloud.stop());
    }

    static async start(): Promise<Lab> {
        const cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        for (const name of Object.keys(process.env).filter((key) => key.startsWith("AWS_"))) {
            Reflect.deleteProperty(process.env, name);
        }
        Object.assign(process.env, cloud.env);
        configure(new Map<string, string>());
        return new Lab(cloud);
    }

    server(volumes: number): Promise<Server> {
        const started = this.#servers.get(volumes) ?? this.#startServer(volumes);
        this.#servers.set(volumes, started);
        return started;
    }

    async #startServer(volumes: number): Promise<Server> {
        const instance = await this.cloud.createInstance({ volumes });
        const host = await startSshHost({ instanceId: instance.instanceId });
        this.#stops.push(() => host.stop());
        host.writeHooks();
        const proxies = new Map<number, TcpProxy>();
        const proxy = async (roundTripMs: number): Promise<TcpProxy> => {
            const known = proxies.get(roundTripMs);
            if (known !== undefined) {
                return known;
            }
            const started = await TcpProxy.start({ to: host.port, delay: roundTripMs / 2 });
            this.#stops.push(() => started.stop());
            proxies.set(roundTripMs, started);
            return started;
        };
        return {
            instance,
            host,
            proxy,
            port: async (roundTripMs) => (roundTripMs === 0 ? host.port : (await proxy(roundTripMs)).port),
        };
    }

    async stop(): Promise<void> {
        for (const stop of this.#stops.reverse()) {
            await stop();
        }
        process.env = this.#environment;
    }
}
