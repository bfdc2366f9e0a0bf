import { hooksOf } from "../../lab/engine/e2e";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { type Project, makeProject } from "../../lab/engine/project";
import { type SshHost, startSshHost } from "../../lab/hosts/sshHost";

/** Hosts that are started at the same time. */
const STARTS = 8;
/** Of CreateSnapshots, for an account in a region: stricter than EC2's own. */
export const LIMIT = { rate: 5, burst: 20 };
/** EC2 developer guide, "Request throttling", of non-mutating actions with a filter or pages; each has its own. */
const QUESTIONS = ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"];
const QUESTIONS_LIMIT = { rate: 20, burst: 100 };

const MAX_SERVERS = 1_000;

interface Server {
    readonly instance: CloudInstance;
    readonly instanceId: string;
    readonly host: SshHost;
}

/** A cloud that limits CreateSnapshots, and as many servers as are asked for. */
export class ScaleLab {
    readonly #servers: Server[] = [];
    readonly #projects: Project[] = [];

    private constructor(readonly cloud: LocalCloud) {}

    static async start(): Promise<ScaleLab> {
        // Each host ends when this process does.
        process.setMaxListeners(MAX_SERVERS);
        return new ScaleLab(await startLocalCloud({ snapshotDurationMs: 0 }));
    }

    /** The first so many servers, with so many volumes each. */
    async servers(count: number, volumes: number): Promise<readonly Server[]> {
        while (this.#servers.length < count) {
            const missing = Math.min(STARTS, count - this.#servers.length);
            this.#servers.push(
                ...(await Promise.all(Array.from({ length: missing }, () => this.#start(volumes)))),
            );
        }
        return this.#servers.slice(0, count);
    }

    async #start(volumes: number): Promise<Server> {
        const instance = await this.cloud.createInstance({ volumes });
        const { instanceId } = instance;
        const host = await startSshHost({ instanceId });
        host.writeHooks();
        return { instance, instanceId, host };
    }

    /** From now on pre-freeze takes from nothing, on the first server, to so many seconds, on the last. */
    slowDown(servers: readonly Server[], slowestS: number): void {
        servers.forEach(({ host }, index) => {
            const seconds = (slowestS * index) / Math.max(1, servers.length - 1);
            host.writeHooks(slowestS === 0 ? {} : { pre: `sleep ${seconds.toFixed(1)}` });
        });
    }

    /** A stack with a snapshot of each of the servers; `more` are further arguments of each. */
    async project(servers: readonly Server[], more: object = {}): Promise<Project> {
        const project = await makeProject({
            program: programOf(servers, more),
            env: this.cloud.env,
        });
        this.#projects.push(project);
        return project;
    }

    /** From now on, with full buckets. */
    async limitRequests(): Promise<void> {
        await this.cloud.throttle("CreateSnapshots", LIMIT);
        for (const operation of QUESTIONS) {
            await this.cloud.throttle(operation, QUESTIONS_LIMIT);
        }
    }

    async stop(): Promise<void> {
        await Promise.allSettled(this.#projects.map((project) => project.dispose()));
        await Promise.allSettled(this.#servers.map(({ host }) => host.stop()));
        await this.cloud.stop();
    }
}

function programOf(servers: readonly Server[], more: object): string {
    return `import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const servers = ${JSON.stringify(servers.map((server) => ({ ...hooksOf(server), ...more })))};
export const levels = servers.map(
    (args, index) => new AppConsistentSnapshot(\`server-\${index}\`, args as any).consistencyLevel,
);
`;
}
