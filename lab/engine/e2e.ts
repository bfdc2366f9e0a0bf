import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { Evidence, InstanceFacts, SnapshotInfo } from "../../index";
import {
    type CloudInstance,
    type CloudSnapshot,
    type LocalCloud,
    startLocalCloud,
} from "../cloud/localCloud";
import { type EngineResult, makeProject, type Project, type ProjectOptions } from "./project";
import { type SshHost, type SshHostOptions, startSshHost } from "../hosts/sshHost";

/** An instance of the local cloud, and the host that claims to be it. */
export interface Server {
    readonly instance: CloudInstance;
    readonly instanceId: string;
    readonly host: SshHost;
}

/** Everything but the engine that the end-to-end tests of one file share. */
export interface Lab {
    readonly cloud: LocalCloud;
    readonly server: Server;
    addServer(options?: Omit<SshHostOptions, "instanceId">): Promise<Server>;
    /** A project whose engine calls this lab's cloud. */
    project(options: ProjectOptions): Promise<Project>;
    stop(): Promise<void>;
}

export async function startLab(hostOptions: Omit<SshHostOptions, "instanceId"> = {}): Promise<Lab> {
    // Snapshots that are completed when they are first looked at: waiting for completion is a matter of few tests.
    const cloud = await startLocalCloud({ snapshotDurationMs: 0 });
    const hosts: SshHost[] = [];
    const projects: Project[] = [];
    const stop = async (): Promise<void> => {
        await Promise.allSettled(projects.map((project) => project.dispose()));
        await Promise.allSettled(hosts.map((host) => host.stop()));
        await cloud.stop();
    };
    const addServer = async (options: Omit<SshHostOptions, "instanceId"> = {}): Promise<Server> => {
        const instance = await cloud.createInstance({ volumes: 3 });
        const host = await startSshHost({ ...options, instanceId: instance.instanceId });
        hosts.push(host);
        host.writeHooks();
        return { instance, instanceId: instance.instanceId, host };
    };
    try {
        return {
            cloud,
            server: await addServer(hostOptions),
            addServer,
            project: async (options) => {
                const env = { ...cloud.env, ...options.env };
                const project = await makeProject({ ...options, env });
                projects.push(project);
                return project;
            },
            stop,
        };
    } catch (error) {
        await stop();
        throw error;
    }
}

/** Arguments of an AppConsistentSnapshot as a program writes them, but for Outputs. */
export interface SnapshotArgs {
    instanceId: string;
    quiesce: Record<string, unknown>;
    [name: string]: unknown;
}

/** Hooks at the paths that the host uses, by its own key. */
export function hooksOf({ instanceId, host }: Server, quiesce: Record<string, unknown> = {}): SnapshotArgs {
    return {
        instanceId,
        quiesce: {
            method: "hooks",
            connection: connectionOf(host),
            scripts: {
                // What the hooks tell would have one more line for each run.
                rehearse: false,
                ...(host.preFreezePath.startsWith("/usr/sbin/")
                    ? {}
                    : { preFreeze: { path: host.preFreezePath }, postThaw: { path: host.postThawPath } }),
            },
            ...quiesce,
        },
    };
}

export function connectionOf(host: SshHost): Record<string, unknown> {
    return {
        host: host.address,
        port: host.port,
        user: host.user,
        privateKey: host.clientKey,
        hostKey: host.fingerprints[0],
    };
}

const OUTPUTS = [
    "snapshotIds",
    "snapshots",
    "consistencyLevel",
    "evidence",
    "instance",
    "thawPending",
    "startTime",
] as const;

/** A program with one resource, `snapshot`, all of whose outputs it exports. */
export function programOf(
    args: object,
    { name = "nightly", opts = "{}", before = "", after = "" } = {},
): string {
    return `import * as pulumi from "@pulumi/pulumi";
import { AppConsistentSnapshot, InstanceHostKeys } from "pulumi-app-consistent-snapshot";
void pulumi; void InstanceHostKeys;
${before}
const snapshot = new AppConsistentSnapshot(${JSON.stringify(name)}, ${JSON.stringify(args, null, 4)}, ${opts});
export const id = snapshot.id;
export const { ${OUTPUTS.join(", ")} } = snapshot;
${after}
`;
}

/** What `programOf` exports, when there is a set. */
export interface SnapshotOutputs {
    id: string;
    snapshotIds: string[];
    snapshots: SnapshotInfo[];
    consistencyLevel: string;
    evidence: Evidence;
    instance: InstanceFacts;
    thawPending: boolean;
    startTime: string;
}

export function outputsOf(outputs: Record<string, unknown>): SnapshotOutputs {
    expect(outputs).to.include.all.keys("id", ...OUTPUTS);
    return outputs as unknown as SnapshotOutputs;
}

export function succeeded(result: EngineResult): EngineResult {
    expect(result.code, `${result.stdout}\n${result.stderr}`).to.equal(0);
    return result;
}

export function failed(result: EngineResult): EngineResult {
    expect(result.code, result.stdout).not.to.equal(0);
    return result;
}

/** A text that is found nowhere by chance. */
export function unmistakable(name: string): string {
    return `${name}-${randomBytes(12).toString("hex")}`;
}

/** The execution ids of the sets that the snapshots belong to. */
export function executionsIn(snapshots: readonly CloudSnapshot[]): string[] {
    return [...new Set(snapshots.map((one) => one.tags["app-consistent-snapshot:execution"] ?? ""))];
}

/** The serialized provider of the project's AppConsistentSnapshot, as the engine has stored it. */
export function providerTextOf(project: Project, type = "AppConsistentSnapshot"): string {
    const text = project.state().resources.find((one) => one.type.endsWith(type))?.inputs?.["__provider"];
    if (typeof text !== "string") {
        throw new Error(`no provider of ${type} in the state`);
    }
    return text;
}
