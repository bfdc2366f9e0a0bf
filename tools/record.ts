// Records what this release leaves in its users' stacks and accounts: `npm run record -- --release 0.2.0-abc1234`.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { failed, succeeded } from "../lab/engine/e2e";
import { ROOT } from "../lab/engine/engine";
import { consoleOutputOfHostKeys, type LocalCloud, startLocalCloud } from "../lab/cloud/localCloud";
import { LocalSystemsManager } from "../lab/cloud/localSystemsManager";
import { makeProject, type Project } from "../lab/engine/project";
import { type ExportedStack, leftOn, wayTo, writeRecording } from "../lab/engine/recording";
import { type SshHost, startSshHost } from "../lab/hosts/sshHost";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

/** What a scenario's user has besides the stack; all of it ends with the recording. */
interface Surroundings {
    readonly cloud: LocalCloud;
    readonly host: (instanceId: string) => Promise<SshHost>;
    readonly project: (config: Record<string, string>, hosts?: Record<string, SshHost>) => Promise<Project>;
}

interface Reached {
    readonly project: Project;
    /** Without the way to the hosts. */
    readonly config: Record<string, string>;
    /** Those that have something left on them. */
    readonly hosts?: Record<string, SshHost>;
}

/** Brings a stack to where it is to be recorded. */
type Scenario = (around: Surroundings) => Promise<Reached>;

const servers: Scenario = async ({ cloud, host, project: make }) => {
    const { instanceId, volumeIds } = await cloud.createInstance({
        volumes: [{}, { tags: { role: "data" } }, { type: "io2", iops: 500, encrypted: true }],
        tags: { Name: "db" },
    });
    const linux = await host(instanceId);
    await cloud.setConsoleOutput(instanceId, consoleOutputOfHostKeys([...linux.hostKeyLines]));
    const windows = await cloud.createInstance({ platform: "windows", volumes: 2 });
    await new LocalSystemsManager(cloud).manage(windows.instanceId);
    const config = {
        linuxId: instanceId,
        excludedVolumeId: volumeIds[2] ?? "",
        windowsId: windows.instanceId,
        run: "monday",
    };
    const project = await make(config, { linux });
    succeeded(await project.up());
    const { sets } = (await project.outputs()) as { sets: { pinned: string } };
    const known = { known: sets.pinned };
    await project.setConfig(known);
    succeeded(await project.up());
    return { project, config: { ...config, ...known } };
};

const unfinished: Scenario = async ({ cloud, host, project: make }) => {
    const [frozen, frozenWithoutSet, pending] = await Promise.all([
        cloud.createInstance({ volumes: 1 }),
        cloud.createInstance({ volumes: 1 }),
        cloud.createInstance({ volumes: 2 }),
    ]);
    const hosts = {
        frozen: await host(frozen.instanceId),
        frozenWithoutSet: await host(frozenWithoutSet.instanceId),
    };
    for (const one of Object.values(hosts)) {
        one.writeHooks({ post: "[ ! -e /run/thaw-fails ] || exit 1" });
        one.writeScript("/run/thaw-fails", "");
    }
    await cloud.fault(
        "CreateSnapshots",
        { kind: "error", code: "InvalidParameterValue", status: 400 },
        { resource: frozenWithoutSet.instanceId },
    );
    await cloud.configureSnapshots({ durationMs: 86_400_000 }, pending.instanceId);
    const config = {
        frozenId: frozen.instanceId,
        frozenWithoutSetId: frozenWithoutSet.instanceId,
        pendingId: pending.instanceId,
        completion: "1",
        run: "monday",
    };
    const project = await make(config, hosts);
    failed(await project.up({ args: ["--continue-on-error"] }));
    return { project, config, hosts };
};

const recoveryPoints: Scenario = async ({ cloud, project: make }) => {
    const { instanceId } = await cloud.createInstance({ volumes: 1 });
    const project = await make({ instanceId });
    for (const run of ["monday", "tuesday", "wednesday"]) {
        await project.setConfig({ run });
        succeeded(await project.up());
    }
    return { project, config: { instanceId, run: "wednesday" } };
};

const groups: Scenario = async ({ cloud, host, project: make }) => {
    const names = ["db", "app", "frozenDb", "frozenApp"];
    const hosts: Record<string, SshHost> = {};
    const config: Record<string, string> = { run: "monday" };
    for (const name of names) {
        const { instanceId } = await cloud.createInstance({ volumes: 2 });
        hosts[name] = await host(instanceId);
        config[`${name}Id`] = instanceId;
    }
    const { frozenApp } = hosts;
    if (frozenApp === undefined) {
        throw new TypeError("it was started");
    }
    // The rehearsal, when nothing is frozen, has to succeed.
    const { frozenPath } = frozenApp;
    frozenApp.writeHooks({ post: `[ ! -e ${frozenPath} ] || [ ! -e /run/thaw-fails ] || exit 1` });
    frozenApp.writeScript("/run/thaw-fails", "");
    const project = await make(config, hosts);
    failed(await project.up({ args: ["--continue-on-error"] }));
    return { project, config, hosts: { frozenApp } };
};

const SCENARIOS: Readonly<Record<string, Scenario>> = { servers, unfinished, recoveryPoints, groups };

const { release, only } = ownOptions("npm run record", { release: "", only: "" });

async function record(scenario: string, reach: Scenario): Promise<void> {
    const program = readFileSync(join(ROOT, "tools/record/programs", `${scenario}.js`), "utf8");
    const ends: (() => Promise<unknown>)[] = [];
    const end = async (): Promise<void> => {
        for (const one of ends.splice(0).reverse()) {
            await one();
        }
    };
    const leave = () => void end().finally(() => process.exit(130));
    INTERRUPTIONS.forEach((signal) => process.once(signal, leave));
    try {
        const cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        ends.push(() => cloud.stop());
        const {
            project,
            config,
            hosts = {},
        } = await reach({
            cloud,
            host: async (instanceId) => {
                const host = await startSshHost({ instanceId });
                ends.push(() => host.stop());
                host.writeHooks();
                return host;
            },
            project: async (config, hosts = {}) => {
                const way = wayTo(hosts);
                const project = await makeProject({
                    program,
                    main: "index.js",
                    env: cloud.env,
                    config: { ...config, ...way.config },
                    secrets: way.secrets,
                });
                ends.push(() => project.dispose());
                return project;
            },
        });
        const { stdout } = await project.run(["stack", "export"]);
        const folder = writeRecording({
            release,
            scenario,
            program,
            config,
            stack: JSON.parse(stdout, withoutOrigins) as ExportedStack,
            outputs: await project.outputs(),
            cloud: await cloud.inventory(),
            hosts: Object.fromEntries(Object.entries(hosts).map(([name, one]) => [name, leftOn(one)])),
        });
        console.log(relative(ROOT, folder));
    } finally {
        await end();
        INTERRUPTIONS.forEach((signal) => process.removeListener(signal, leave));
    }
}

/** Where in this machine's folders each resource was made: for people to read, and for nothing else. */
function withoutOrigins(name: string, value: unknown): unknown {
    return name === "sourcePosition" || name === "stackTrace" ? undefined : value;
}

async function main(): Promise<void> {
    if (release === "") {
        throw new Error("name the release: --release VERSION-COMMIT");
    }
    for (const [scenario, reach] of Object.entries(SCENARIOS)) {
        if (only === "" || only === scenario) {
            await record(scenario, reach);
        }
    }
}

main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
});
