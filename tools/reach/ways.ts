import { execFileSync } from "node:child_process";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import { ConnectEndpoint } from "../../lab/hosts/connectEndpoint";
import { KeyFolder, Sshd } from "../../lab/hosts/sshServer";
import { startConnectEndpoint } from "../../lab/scenes/connectEndpointScene";
import { pathWithPlugin } from "../../lab/sessionManagerPlugin/pluginPath";
import type { HooksQuiesce } from "../../provider/inputs/inputs";
import { connectionTo } from "../bench/inputs";
import type { Lab, Server } from "../bench/lab";

type Connection = HooksQuiesce["connection"];

/** One way to the server. */
export interface Way {
    readonly name: string;
    /** How to get to a port of this machine that leads to the server's sshd. */
    connection(port: number): Connection;
}

export interface Ways {
    readonly all: readonly Way[];
    /** The plugin that carries sessions, for what is said of the figures. */
    readonly plugin: string;
    /** What a process of its own needs, beside the cloud's. */
    readonly env: NodeJS.ProcessEnv;
    stop(): Promise<void>;
}

/** All ways to one server, side by side. Each ends on this machine, so that they differ in nothing but what carries the bytes. */
export async function startWays({ cloud }: Lab, server: Server): Promise<Ways> {
    const { host, instance } = server;
    const { PATH } = process.env;
    process.env["PATH"] = pathWithPlugin();
    const keys = new KeyFolder();
    const hostKey = keys.make("ed25519");
    const userKey = keys.make("ed25519");
    const bastion = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
    await new LocalSystemsManager(cloud).manage(instance.instanceId, { platformType: "Linux" });
    const { endpoint } = await startConnectEndpoint(cloud, instance.instanceId);
    const distrust = ConnectEndpoint.trust();

    const direct = (port: number) => connectionTo(server, port);
    /** AWS finds the instance. */
    const found = (port: number) => {
        const { host: _address, port: _port, ...login } = direct(port);
        return login;
    };
    return {
        all: [
            { name: "TCP", connection: direct },
            {
                name: "bastion",
                connection: (port) => ({
                    ...direct(port),
                    proxy: {
                        host: host.address,
                        port: bastion.port,
                        user: bastion.user,
                        privateKey: userKey.privateKey,
                        hostKey: hostKey.publicLine,
                    },
                }),
            },
            {
                name: "command (`nc`)",
                connection: (port) => ({
                    ...direct(port),
                    tunnel: { via: "command", command: ["busybox", "nc", "%h", "%p"] },
                }),
            },
            {
                name: "instance-connect-endpoint",
                connection: (port) => {
                    endpoint.leadTo(port);
                    return { ...found(port), tunnel: { via: "instance-connect-endpoint" } };
                },
            },
            {
                name: "session-manager",
                connection: (port) => ({ ...found(port), port, tunnel: { via: "session-manager" } }),
            },
        ],
        plugin: pluginThere(),
        env: { NODE_EXTRA_CA_CERTS: ConnectEndpoint.certificateFile },
        stop: async () => {
            distrust();
            await endpoint.stop();
            await bastion.stop();
            keys.remove();
            process.env["PATH"] = PATH;
        },
    };
}

function pluginThere(): string {
    const version = execFileSync("session-manager-plugin", ["--version"], { encoding: "utf8" }).trim();
    const isOurs = pathWithPlugin("") !== "" && process.env["PATH"]?.endsWith(pathWithPlugin("").slice(1));
    return isOurs === true ? "the stand-in of lab/sessionManagerPlugin" : `session-manager-plugin ${version}`;
}
