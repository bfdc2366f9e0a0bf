import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
    connectionOf,
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
    unmistakable,
} from "../../lab/engine/e2e";
import type { Project } from "../../lab/engine/project";

describe("the Linux path with the real engine", function () {
    this.timeout(300_000);
    let lab: Lab;
    let server: Server;
    before(async () => {
        lab = await startLab({ passwordAuthentication: true, password: PASSWORD });
        server = lab.server;
    });
    after(() => lab.stop());

    const setsInCloud = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots());

    describe("one stack, from the first preview to destroy", () => {
        let project: Project;
        let args: SnapshotArgs;
        let id = "";

        before(async () => {
            args = hooksOf(server);
            project = await lab.project({ program: programOf(args) });
        });
        beforeEach(() => lab.cloud.clearCalls());

        const upWith = async (changes: object): Promise<Awaited<ReturnType<Project["up"]>>> => {
            args = { ...args, ...changes };
            project.setProgram(programOf(args));
            return succeeded(await project.up());
        };
        const expectReplaced = async (): Promise<void> => {
            const now = outputsOf(await project.outputs());
            expect(now.id).not.to.equal(id);
            expect(await setsInCloud()).to.deep.equal([now.id]);
            id = now.id;
        };

        it("previews without touching anything", async () => {
            const { summary } = succeeded(await project.preview());
            expect(summary).to.deep.equal({ create: 2 });
            expect(await lab.cloud.calls()).to.deep.equal([]);
            expect(server.host.events).to.deep.equal([]);
        });

        it("takes snapshots of all volumes while the instance's own script holds it", async () => {
            const gate = await lab.cloud.gate("CreateSnapshots");
            const running = project.spawn("up");
            await gate.reached();
            expect(server.host.frozen).to.be.true;
            await gate.release();
            const { summary, stdout } = succeeded(await running.result);

            expect(summary).to.deep.equal({ create: 2 });
            expect(server.host.events).to.deep.equal(["pre freeze", "post thaw", "thawed thaw"]);
            expect(server.host.frozen).to.be.false;
            expect(server.host.stateLeft).to.deep.equal([]);
            expect(stdout).to.match(/ nightly .*3 of 3 completed, 100 %/);

            const outputs = outputsOf(await project.outputs());
            const snapshots = await lab.cloud.snapshots();
            id = outputs.id;
            expect(id).to.match(/^acs-[0-9a-f-]{36}$/);
            expect(outputs.consistencyLevel).to.equal("application");
            expect(outputs.thawPending).to.be.false;
            expect(outputs.snapshots.map((one) => one.volumeId)).to.deep.equal(server.instance.volumeIds);
            expect(outputs.snapshots.map((one) => one.boot)).to.deep.equal([true, false, false]);
            expect(outputs.snapshotIds).to.deep.equal(outputs.snapshots.map((one) => one.snapshotId));
            expect(outputs.snapshotIds).to.have.members(snapshots.map((one) => one.snapshotId));
            expect(outputs.startTime).to.match(/^\d{4}-\d\d-\d\dT/);
            expect(outputs.instance).to.include({
                instanceId: server.instanceId,
                accountId: "123456789012",
                region: "us-east-1",
                platform: "linux",
            });
            expect(outputs.evidence).to.deep.include({
                method: "hooks",
                executionId: id,
                vouchedBy: "script",
                identity: "dmi",
                held: true,
                completion: "completed",
                cleanup: "nothingToDo",
            });
            const { frozenAt, requestedAt, returnedAt, thawedAt } = outputs.evidence;
            const times = [frozenAt, requestedAt, returnedAt, thawedAt];
            expect(times).to.deep.equal([...times].sort());
            expect(outputs.evidence).to.not.have.any.keys("reason", "message");
            for (const { tags } of snapshots) {
                expect(tags).to.include({
                    "app-consistent-snapshot:execution": id,
                    "app-consistent-snapshot:level": "application",
                    "app-consistent-snapshot:state": "complete",
                });
                expect(tags["app-consistent-snapshot:owner"]).to.match(/^urn:pulumi:test::.*::nightly$/);
            }
        });

        it("does nothing when run again", async () => {
            const { summary } = succeeded(await project.up());
            expect(summary).to.deep.equal({ same: 2 });
            expect(await lab.cloud.calls()).to.deep.equal([]);
        });

        it("does nothing now about what only matters at the next snapshot", async () => {
            const { summary } = await upWith({
                description: "another text",
                timeouts: { freeze: 20 },
                minimumLevel: "filesystem",
                waitForCompletion: false,
                quiesce: {
                    method: "hooks",
                    connection: { ...connectionOf(server.host), password: PASSWORD },
                    scripts: {
                        preFreeze: { script: server.host.preFreezeScript("# another") },
                        postThaw: { script: server.host.postThawScript("# another") },
                    },
                },
            });
            expect(summary).to.deep.equal({ same: 2 });
            expect(await lab.cloud.calls()).to.deep.equal([]);
        });

        it("changes tags in place", async () => {
            const { summary } = await upWith({ tags: { Name: "nightly", team: "shop" } });
            expect(summary).to.deep.equal({ same: 1, update: 1 });
            expect(outputsOf(await project.outputs()).id).to.equal(id);
            for (const { tags } of await lab.cloud.snapshots()) {
                expect(tags).to.include({ Name: "nightly", team: "shop" });
            }
        });

        it("keeps the previous set when there is no new one", async () => {
            await lab.cloud.fault("CreateSnapshots", {
                kind: "error",
                code: "SnapshotLimitExceeded",
                status: 400,
            });
            project.setProgram(programOf({ ...args, triggers: ["monday"] }));
            const result = failed(await project.up());
            expect(result.diagnostics).to.match(
                /SNAPSHOT_REFUSED.*the instance is awake; no snapshot was kept/s,
            );
            expect(server.host.frozen).to.be.false;
            expect(outputsOf(await project.outputs()).id).to.equal(id);
            expect(await setsInCloud()).to.deep.equal([id]);
        });

        it("takes a new set on new triggers, and keeps it when they are gone", async () => {
            const { summary } = await upWith({ triggers: ["monday"] });
            expect(summary).to.deep.equal({ same: 1, replace: 1 });
            await expectReplaced();
            // The scripts that were changed before are used now, and removed again.
            expect(outputsOf(await project.outputs()).evidence.cleanup).to.equal("done");
            expect(server.host.stateLeft).to.deep.equal([]);
            expect((await upWith({ triggers: [null] })).summary).to.deep.equal({ same: 2 });
        });

        it("takes a new set of other volumes", async () => {
            const [, , excluded = ""] = server.instance.volumeIds;
            const { summary } = await upWith({ volumes: { excludeDataVolumeIds: [excluded] } });
            expect(summary).to.deep.equal({ same: 1, replace: 1 });
            await expectReplaced();
            const taken = (await lab.cloud.snapshots()).map((one) => one.volumeId);
            expect(taken).to.have.members(server.instance.volumeIds.slice(0, 2));
        });

        it("takes a new set in another way, of another instance", async () => {
            const other = await lab.cloud.createInstance({ volumes: 1 });
            args = { instanceId: server.instanceId, quiesce: { method: "none" } };
            expect((await upWith({})).summary).to.deep.equal({ same: 1, replace: 1 });
            await expectReplaced();
            const { summary, diagnostics } = await upWith({ instanceId: other.instanceId });
            expect(summary).to.deep.equal({ same: 1, replace: 1 });
            await expectReplaced();
            expect(diagnostics).to.match(
                new RegExp(
                    `the instance changes from .*the snapshots of ${server.instanceId} go with the replacement`,
                ),
            );
            const { consistencyLevel, evidence } = outputsOf(await project.outputs());
            expect({ consistencyLevel, vouchedBy: evidence.vouchedBy }).to.deep.equal({
                consistencyLevel: "crash",
                vouchedBy: "nobody",
            });
            args = hooksOf(server);
            await upWith({});
            await expectReplaced();
        });

        it("refreshes without a change, also after a change that was not acted on", async () => {
            await upWith({ timeouts: { freeze: 30 } });
            succeeded(await project.refresh({ args: ["--expect-no-changes"] }));
            const { summary } = succeeded(await project.up());
            expect(summary).to.deep.equal({ same: 2 });
        });

        it("replaces a set of which a snapshot was deleted behind Pulumi's back", async () => {
            const { snapshotIds } = outputsOf(await project.outputs());
            await lab.cloud.deleteSnapshots(snapshotIds.slice(1, 2));
            succeeded(await project.refresh());
            expect(succeeded(await project.up()).summary).to.deep.equal({ same: 1, replace: 1 });
            await expectReplaced();
            expect(await lab.cloud.snapshots()).to.have.length(3);
        });

        it("creates a set anew of which all snapshots were deleted", async () => {
            await lab.cloud.deleteSnapshots([...outputsOf(await project.outputs()).snapshotIds]);
            const { stdout } = succeeded(await project.refresh());
            expect(stdout).to.match(new RegExp(`warning: all snapshots of ${id} are gone`));
            expect(succeeded(await project.up()).summary).to.deep.equal({ same: 1, create: 1 });
            await expectReplaced();
        });

        it("destroys", async () => {
            succeeded(await project.destroy());
            expect(await lab.cloud.snapshots()).to.deep.equal([]);
            expect(project.state().resources).to.deep.equal([]);
            expect(project.processes()).to.deep.equal([]);
        });
    });

    describe("secrets", () => {
        it("are in no output of the engine and not in plain text in its state", async () => {
            const passphrase = unmistakable("passphrase");
            const environment = { DB_PASSWORD: unmistakable("environment") };
            const script = unmistakable("script");
            const privateKey = encrypted(server.host.clientKeyFile, passphrase);
            const args = (pre: string): SnapshotArgs =>
                hooksOf(server, {
                    connection: {
                        ...connectionOf(server.host),
                        privateKey,
                        privateKeyPassword: passphrase,
                        password: PASSWORD,
                    },
                    environment,
                    showHookOutput: "onFailure",
                    scripts: {
                        preFreeze: { script: server.host.preFreezeScript(`# ${script}\n${pre}`) },
                        postThaw: { script: server.host.postThawScript(`# ${script}`) },
                    },
                });
            const project = await lab.project({ program: programOf(args("")) });
            const told = [
                succeeded(await project.preview({ args: ["--diff"] })),
                succeeded(await project.up({ args: ["--diff"] })),
            ];
            project.setProgram(
                programOf({ ...args('echo "password is $DB_PASSWORD" >&2; exit 1'), triggers: [1] }),
            );
            told.push(failed(await project.up({ args: ["--diff"] })));
            expect(told[2]?.diagnostics).to.match(/PRE_FREEZE_FAILED.*password is \[secret\]/s);
            told.push(succeeded(await project.refresh({ args: ["--diff"] })));

            const stateText = project.state().text;
            told.push(succeeded(await project.destroy({ args: ["--diff"] })));
            const everything = [stateText, ...told.flatMap(({ stdout, stderr }) => [stdout, stderr])].join(
                "\n",
            );
            const keyLine = privateKey.split("\n")[2] ?? "";
            for (const secret of [PASSWORD, passphrase, environment.DB_PASSWORD, script, keyLine]) {
                expect(secret.length).to.be.greaterThan(20);
                expect(everything.includes(secret), secret).to.be.false;
            }
            expect(stateText).to.include(server.instanceId);
        });
    });
});

const PASSWORD = unmistakable("password");

/** The same key under a passphrase. */
function encrypted(keyFile: string, passphrase: string): string {
    const folder = mkdtempSync(join(tmpdir(), "acs-key-"));
    try {
        const file = join(folder, "key");
        copyFileSync(keyFile, file);
        execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file], { stdio: "ignore" });
        return readFileSync(file, "utf8");
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}
