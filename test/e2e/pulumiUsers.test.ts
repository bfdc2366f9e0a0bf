import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    outputsOf,
    programOf,
    type Server,
    type SnapshotArgs,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import { ownerTag } from "../../provider/aws/tags";
import { engineEnvironment } from "../../lab/engine/engine";
import { consoleOutputOfHostKeys } from "../../lab/cloud/localCloud";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import type { Project, ResourceState } from "../../lab/engine/project";

describe("what Pulumi users expect", function () {
    this.timeout(300_000);
    let lab: Lab;
    let project: Project;
    let plain: SnapshotArgs;

    before(async () => {
        lab = await startLab();
        project = await lab.project({ program: "" });
        plain = { instanceId: lab.server.instanceId, quiesce: { method: "none" } };
    });
    after(() => lab.stop());
    beforeEach(async () => {
        lab.server.host.exec(`rm -f ${lab.server.host.eventsPath}`);
        await lab.cloud.clearCalls();
    });
    afterEach(async () => {
        // The tests of `destroy` are elsewhere; here it would be one more command of the engine for each test.
        project.editState((resources) => resources.splice(0));
        await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
    });

    const up = async (program: string, args: string[] = []): ReturnType<Project["up"]> => {
        project.setProgram(program);
        return succeeded(await project.up({ args }));
    };
    const preview = (program: string, env = {}): ReturnType<Project["preview"]> => {
        project.setProgram(program);
        return project.preview({ env });
    };
    const sets = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots());
    const currentId = async (): Promise<string> => outputsOf(await project.outputs()).id;
    const snapshotResources = (): ResourceState[] =>
        project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
    const operations = async (): Promise<string[]> =>
        (await lab.cloud.calls()).filter((call) => !call.dryRun).map((call) => call.operation);

    describe("options of resources", () => {
        it("retainOnDelete keeps the snapshots, and the next set names the one that nobody manages", async () => {
            await up(programOf(plain, { opts: "{ retainOnDelete: true }" }));
            const first = await currentId();
            const { stdout } = await up(
                programOf({ ...plain, triggers: [1] }, { opts: "{ retainOnDelete: true }" }),
            );
            expect(stdout).not.to.match(/does not manage/);
            const second = await currentId();
            succeeded(await project.destroy());
            expect(await sets()).to.have.members([first, second]);
            const again = await up(programOf(plain));
            expect(again.stdout).to.include(`does not manage its earlier set ${first}`);
            expect(await sets()).to.have.members([first, second, await currentId()]);
        });

        it("protect keeps the set; a rename with aliases does not replace it", async () => {
            await up(programOf(plain, { opts: "{ protect: true }" }));
            const id = await currentId();
            failed(await project.destroy());
            expect(await sets()).to.deep.equal([id]);
            const renamed = { name: "renamed", opts: '{ aliases: [{ name: "nightly" }] }' };
            const { summary } = await up(programOf(plain, renamed));
            expect(summary).not.to.have.any.keys("create", "replace", "delete");
            expect(await currentId()).to.equal(id);
            expect(await operations())
                .to.include("CreateSnapshots")
                .and.not.include("DeleteSnapshot");
        });

        it("ignoreChanges, and deleteBeforeReplace in its order", async () => {
            await up(programOf({ ...plain, triggers: [1] }, { opts: "{ deleteBeforeReplace: true }" }));
            const ignoring = programOf(
                { ...plain, triggers: [2] },
                { opts: '{ ignoreChanges: ["triggers"] }' },
            );
            expect((await up(ignoring)).summary).to.deep.equal({ same: 2 });
            await lab.cloud.clearCalls();
            await up(programOf({ ...plain, triggers: [2] }, { opts: "{ deleteBeforeReplace: true }" }));
            const changes = (await operations()).filter((one) => /^(Create|Delete)Snapshot/.test(one));
            expect(changes).to.deep.equal([...Array<string>(3).fill("DeleteSnapshot"), "CreateSnapshots"]);
            expect(await sets()).to.deep.equal([await currentId()]);
        });

        it("an explicit provider of dynamic resources, where default providers are disabled", async () => {
            const strict = await lab.project({
                program: programOf(plain),
                config: { "pulumi:disable-default-providers": '["*"]' },
            });
            expect(failed(await strict.up()).diagnostics).to.match(/Default provider for .* disabled/);
            const before = `class Dynamic extends pulumi.ProviderResource {
    constructor(name: string) { super("pulumi-nodejs", name, {}); }
}
const provider = new Dynamic("dynamic");`;
            strict.setProgram(programOf(plain, { before, opts: "{ provider }" }));
            succeeded(await strict.up());
            expect(succeeded(await strict.up()).summary).to.deep.equal({ same: 3 });
            expect(await sets()).to.have.length(1);
            succeeded(await strict.destroy());
            expect(await sets()).to.deep.equal([]);
        });

        it("what cannot work is refused at preview, with the input to use instead", async () => {
            const before = `class Aws extends pulumi.ProviderResource {
    constructor(name: string) { super("aws", name, {}); }
}`;
            const aws = failed(
                await preview(
                    programOf(plain, { before, opts: '{ provider: new Aws("elsewhere") }' }),
                    standInForAws(project),
                ),
            );
            expect(aws.diagnostics).to.match(/`aws: \{ region, profile, assumeRole \}`/);
            const timeouts = failed(
                await preview(programOf(plain, { opts: '{ customTimeouts: { create: "1h" } }' })),
            );
            expect(timeouts.diagnostics).to.match(/customTimeouts .*`timeouts`/);
            const imported = failed(await preview(programOf(plain, { opts: '{ import: "acs-1" }' })));
            expect(imported.diagnostics).to.include(
                'AppConsistentSnapshot "nightly": remove the option import, because Pulumi cannot import a dynamic resource by ' +
                    "it. To take a finished set into this stack, run `npx pulumi-app-consistent-snapshot import acs-...`",
            );
            expect(await lab.cloud.calls()).to.deep.equal([]);
        });
    });

    describe("programs", () => {
        it("--target, a component as parent, and get in another stack", async () => {
            const second = await lab.cloud.createInstance({ volumes: 1 });
            const program = `${programOf(plain)}
class Backup extends pulumi.ComponentResource {
    readonly snapshot: AppConsistentSnapshot;
    constructor(name: string, instanceId: string) {
        super("test:index:Backup", name);
        const args = { instanceId, quiesce: { method: "none" as const } };
        this.snapshot = new AppConsistentSnapshot(\`\${name}-set\`, args, { parent: this });
        this.registerOutputs({ snapshotIds: this.snapshot.snapshotIds });
    }
}
export const inComponent = new Backup("backup", ${JSON.stringify(second.instanceId)}).snapshot.snapshotIds;
`;
            await up(program, ["--target", "**::nightly"]);
            expect(await sets()).to.have.length(1);
            await up(program);
            expect(await sets()).to.have.length(2);
            const [ofComponent] = await lab.cloud.snapshots(second);
            const urn = snapshotResources().find((one) => one.urn.endsWith("backup-set"))?.urn ?? "";
            expect(urn).to.match(/::test:index:Backup\$.*AppConsistentSnapshot::backup-set$/);
            expect(ofComponent?.tags["app-consistent-snapshot:owner"]).to.equal(ownerTag(urn));

            const id = await currentId();
            const reader = await lab.project({
                program: `import { AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const found = AppConsistentSnapshot.get("found", ${JSON.stringify(id)});
export const { snapshotIds, consistencyLevel, startTime } = found;
`,
            });
            succeeded(await reader.up());
            const { snapshotIds, consistencyLevel, startTime } = outputsOf(await project.outputs());
            expect(await reader.outputs()).to.deep.include({ snapshotIds, consistencyLevel });
            expect(Date.parse(String((await reader.outputs())["startTime"]))).to.equal(Date.parse(startTime));
            expect(succeeded(await reader.up()).code).to.equal(0);
            succeeded(await reader.destroy());
            expect(await sets()).to.include(id);
        });

        it("an instance that is made in the same program: preview knows nothing yet, up connects safely", async () => {
            const { instanceId, host } = lab.server;
            await lab.cloud.setConsoleOutput(instanceId, consoleOutputOfHostKeys([...host.hostKeyLines]));
            const manager = new LocalSystemsManager(lab.cloud);
            await manager.manage(instanceId, { platformType: "Linux", shell: host.shell });
            // Stands for aws.ec2.Instance: its outputs are known after it has been created.
            const program = `import * as pulumi from "@pulumi/pulumi";
import { AppConsistentSnapshot, InstanceHostKeys } from "pulumi-app-consistent-snapshot";
class Instance extends pulumi.dynamic.Resource {
    declare readonly instanceId: pulumi.Output<string>;
    declare readonly address: pulumi.Output<string>;
    constructor(name: string) {
        super({
            create: async () => ({ id: "one", outs: { instanceId: "${instanceId}", address: "${host.address}" } }),
        }, name, { instanceId: undefined, address: undefined });
    }
}
const server = new Instance("server");
const keys = new InstanceHostKeys("keys", { instanceId: server.instanceId });
const asked = new InstanceHostKeys("asked", { instanceId: server.instanceId, source: "systems-manager" });
const snapshot = new AppConsistentSnapshot("nightly", {
    instanceId: server.instanceId,
    quiesce: {
        method: "hooks",
        connection: { host: server.address, port: ${host.port}, user: "${host.user}", hostKey: keys.hostKeys,
            privateKey: ${JSON.stringify(host.clientKey)} },
    },
});
export const id = snapshot.id;
export const { snapshotIds, snapshots, consistencyLevel, evidence, instance, thawPending, startTime } = snapshot;
export const hostKeys = keys.hostKeys;
export const askedKeys = asked.hostKeys;
`;
            expect(succeeded(await preview(program)).summary).to.deep.equal({ create: 5 });
            expect(await lab.cloud.calls()).to.deep.equal([]);
            await up(program);
            const outputs = await project.outputs();
            expect(outputs["hostKeys"]).to.have.members([...host.fingerprints]);
            expect(outputs["askedKeys"]).to.have.members([...host.fingerprints]);
            expect(outputsOf(outputs).consistencyLevel).to.equal("application");
            await lab.cloud.setConsoleOutput(instanceId, null);
            expect((await up(program)).summary).to.deep.equal({ same: 5 });
        });

        it("bad inputs fail at preview by their paths, and touch nothing", async () => {
            const { diagnostics, code } = await preview(
                programOf({
                    instanceId: "server-1",
                    quiesce: {
                        method: "hooks",
                        connection: { host: "127.0.0.1", user: "admin", hostkey: "SHA256:x", password: "a" },
                        scripts: { preFreeze: { script: "" } },
                    },
                    timeouts: { freeze: -1 },
                    tags: { "aws:name": "a" },
                    minimumLvel: "crash",
                    // Where it does not belong. Pulumi prints the value of what is refused.
                    connection: { host: "127.0.0.1", user: "admin", password: "hunter2hunter2" },
                    privateKey: "hunter2hunter2",
                }),
            );
            expect(code).not.to.equal(0);
            for (const path of [
                "instanceId",
                "quiesce.connection.hostkey",
                "quiesce.scripts.preFreeze",
                "timeouts.freeze",
                'tags["aws:name"]',
                "minimumLvel",
            ]) {
                expect(diagnostics).to.include(path, diagnostics);
            }
            expect(diagnostics).to.match(/did you mean "minimumLevel"/);
            expect(diagnostics).to.match(/did you mean "hostKey"/);
            expect(diagnostics)
                .to.match(
                    /connection value \{\[secret\]\} has a problem: .* its place is quiesce\.connection/,
                )
                .and.match(/privateKey value \{\[secret\]\}/)
                .and.not.include("hunter2");
            expect(await lab.cloud.calls()).to.deep.equal([]);
            expect(lab.server.host.events).to.deep.equal([]);
        });

        it("a package that the project does not have itself says what to do", async () => {
            const other = await lab.project({
                program: `const { AppConsistentSnapshot } = require("a-library");
new AppConsistentSnapshot("nightly", ${JSON.stringify(plain)});`,
            });
            const own = other.ownPackage();
            const library = join(other.folder, "node_modules/a-library");
            mkdirSync(join(library, "node_modules"), { recursive: true });
            renameSync(own, join(library, "node_modules/pulumi-app-consistent-snapshot"));
            writeFileSync(
                join(library, "index.js"),
                'module.exports = require("pulumi-app-consistent-snapshot");',
            );
            expect(failed(await other.preview()).diagnostics).to.match(
                /pulumi-app-consistent-snapshot cannot be found from .*Add it to the project's own dependencies/s,
            );
        });
    });

    describe("many resources", () => {
        const other = (server: Server, name: string, timeouts = "", opts = ""): string =>
            `new AppConsistentSnapshot("${name}", { ...${JSON.stringify(hooksOf(server))}${timeouts} } as any${opts});`;

        it("of one instance take turns where they are told to, and fail at once where not", async () => {
            const { server } = lab;
            // Holds the one that comes first until the other has been refused.
            const gate = await lab.cloud.gate("CreateSnapshots");
            project.setProgram(programOf(hooksOf(server), { after: other(server, "second") }));
            const running = project.spawn("up");
            await gate.reached({ limitMs: 60_000 });
            await running.waitForLine(/HOST_BUSY/, 60_000);
            await gate.release();
            failed(await running.result);
            expect(server.host.frozen).to.be.false;
            expect(await sets()).to.have.length(1);

            await up(
                programOf(hooksOf(server), {
                    after: other(server, "second", "", ", { dependsOn: snapshot }"),
                }),
            );
            expect(await sets()).to.have.length(2);
            await up(
                programOf(
                    { ...hooksOf(server), timeouts: { lock: 60 }, triggers: [1] },
                    { after: other(server, "second", ", timeouts: { lock: 60 }, triggers: [1]") },
                ),
            );
            expect(server.host.events.filter((one) => one.startsWith("pre "))).to.have.length(4);
            expect(await sets()).to.have.length(2);
        });

        it("of different instances go side by side", async () => {
            const servers = [lab.server, await lab.addServer(), await lab.addServer()];
            const gate = await lab.cloud.gate("CreateSnapshots", { times: 3 });
            const [, ...others] = servers;
            project.setProgram(
                programOf(hooksOf(lab.server), {
                    after: others.map((server, index) => other(server, `other-${index}`)).join("\n"),
                }),
            );
            const running = project.spawn("up");
            await gate.reached({ count: 3, limitMs: 60_000 });
            expect(servers.map(({ host }) => host.frozen)).to.deep.equal([true, true, true]);
            await gate.release();
            succeeded(await running.result);
            expect(servers.map(({ host }) => host.frozen)).to.deep.equal([false, false, false]);
            expect(await sets()).to.have.length(3);
            const levels = snapshotResources().map(({ outputs }) => outputs?.["consistencyLevel"]);
            expect(levels).to.deep.equal(["application", "application", "application"]);
        });
    });
});

/** A plugin of the package "aws" that does nothing. @returns the environment in which the engine finds it */
function standInForAws({ folder }: Project): Record<string, string> {
    const plugins = join(folder, "plugins");
    const file = join(plugins, "pulumi-resource-aws");
    mkdirSync(plugins, { recursive: true });
    writeFileSync(
        `${file}.js`,
        'require("@pulumi/pulumi").provider.main({ version: "7.0.0" }, process.argv.slice(2));\n',
    );
    writeFileSync(file, `#!/bin/sh\nexec node "${file}.js" "$@"\n`, { mode: 0o755 });
    return { PATH: [plugins, engineEnvironment(folder, {})["PATH"]].join(delimiter) };
}
