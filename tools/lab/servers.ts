import { recipes } from "../../index";
import type { CloudInstance, LocalCloud } from "../../lab/cloud/localCloud";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import { type SshHost, startSshHost } from "../../lab/hosts/sshHost";
import { type Volumes, mountVolumes } from "../../lab/volumes/volumes";
import { DATA_AND_LOG } from "../prove/application";
import { files } from "../prove/files";
import { postgresql } from "../prove/postgresql";
import type { AtEnd } from "../stopAll";
import { limitFreezes, writable } from "./awake";

/** Longer than a look at a host takes on a busy machine. */
const AWAKE_LIMIT_MS = 3_000;

export interface LabServer {
    readonly name: string;
    readonly what: string;
    readonly instanceId: string;
    /** How to log in: the names are those of the config that the examples read. Windows has none. */
    readonly login: Readonly<Record<"host" | "port" | "user" | "hostKey", string>> | undefined;
    isFrozen(): Promise<boolean>;
}

export interface LinuxServer extends LabServer {
    readonly host: SshHost;
    /** Resolves when all its volumes can be written to. */
    awake(signal: AbortSignal): Promise<void>;
}

/** PostgreSQL on two volumes. Its scripts come with the program. */
export async function startPostgresql(cloud: LocalCloud, atEnd: AtEnd): Promise<LinuxServer> {
    const { server, host } = await startLinux(cloud, atEnd, {
        name: "postgresql",
        what: "PostgreSQL, its data on /mnt/data and its WAL on /mnt/log",
    });
    await postgresql.start(host);
    return server;
}

/** Plain files on two volumes, with a recipe's scripts at the standard paths. */
export async function startFiles(cloud: LocalCloud, atEnd: AtEnd): Promise<LinuxServer> {
    const { server, host, volumes } = await startLinux(cloud, atEnd, {
        name: "files",
        what: "plain files on /mnt/data and /mnt/log",
    });
    await files.start(host);
    const { preFreeze } = recipes.fileSystems(volumes.mountPoints);
    host.writeScript(host.preFreezePath, preFreeze.script);
    host.writeScript(host.postThawPath, preFreeze.script);
    return server;
}

async function startLinux(
    cloud: LocalCloud,
    atEnd: AtEnd,
    { name, what }: Pick<LabServer, "name" | "what">,
): Promise<{ server: LinuxServer; host: SshHost; volumes: Volumes }> {
    const instance = await cloud.createInstance({ volumes: DATA_AND_LOG.length + 1, tags: { Name: name } });
    const host = await startSshHost({ instanceId: instance.instanceId });
    atEnd(() => host.stop());
    const volumes = await mountVolumes(cloud, instance, host, DATA_AND_LOG);
    atEnd(() => volumes.stop());
    atEnd(await limitFreezes(host, volumes));
    const awake = (signal: AbortSignal) => writable(host, volumes, signal);
    const server: LinuxServer = {
        name,
        what,
        host,
        awake,
        instanceId: instance.instanceId,
        login: {
            host: host.address,
            port: String(host.port),
            user: host.user,
            hostKey: host.hostKeyLines[0] ?? "",
        },
        isFrozen: async () => {
            const limit = AbortSignal.timeout(AWAKE_LIMIT_MS);
            return await awake(limit).then(
                () => false,
                (error: unknown) => {
                    if (limit.aborted) {
                        return true;
                    }
                    throw error;
                },
            );
        },
    };
    return { server, host, volumes };
}

/** What Systems Manager and VSS would answer for a Windows server. Nothing of Windows runs. */
export async function startWindows(cloud: LocalCloud): Promise<LabServer> {
    const instance: CloudInstance = await cloud.createInstance({
        platform: "windows",
        volumes: 3,
        tags: { Name: "windows" },
    });
    const { instanceId } = instance;
    const systemsManager = new LocalSystemsManager(cloud);
    await systemsManager.manage(instanceId);
    return {
        name: "windows",
        what: "Windows as Systems Manager and VSS would answer for it; simulated",
        instanceId,
        login: undefined,
        isFrozen: async () => (await systemsManager.managed(instanceId)).frozen,
    };
}
