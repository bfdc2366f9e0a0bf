import { expect } from "chai";
import { countsOf } from "../support/cloudContents";
import { executionsIn, failed, succeeded } from "../support/e2e";
import { type LocalCloud, startLocalCloud } from "../support/localCloud";
import { LocalSystemsManager } from "../support/localSystemsManager";
import { type EngineResult, makeProject, type Project } from "../support/project";
import {
    leaveOn,
    type Recording,
    readRecording,
    recordedReleases,
    resourcesOf,
    wayTo,
} from "../support/recording";
import { needsRoot, type SshHost, startSshHost } from "../support/sshHost";

const HOME = "us-east-1";
const AWAY = "eu-west-1";
const NOTHING = { snapshots: 0, images: 0, templates: 0 };

/** What changes anything in the cloud, or on an instance by Systems Manager. */
const CHANGING = /^(Create|Register|Copy|Modify|Run|Terminate|Deregister|Delete|Send)/;

for (const release of recordedReleases()) {
    describe(`a stack that ${release} made`, function () {
        this.timeout(300_000);
        let cloud: LocalCloud;
        let recording: Recording;
        let project: Project;
        /** By the names that the program has for them. */
        let hosts: Record<string, SshHost> = {};

        before(async function () {
            needsRoot(this);
            cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        });
        beforeEach(() => cloud.clearCalls());
        after(() => cloud.stop());

        /** What the release left: the cloud, the hosts, the stack; the program gets today's package. */
        async function restore(scenario: string, hostNames: string[] = []): Promise<void> {
            const { stackFile, ...read } = readRecording(release, scenario);
            recording = read;
            await cloud.restore(recording.cloud);
            const started = hostNames.map(async (name) => {
                const host = await startSshHost({ instanceId: recording.config[`${name}Id`] ?? "" });
                hosts[name] = host;
                host.writeHooks();
                const left = recording.hosts[name];
                if (left !== undefined) {
                    leaveOn(host, left);
                }
            });
            await Promise.all(started);
            const way = wayTo(hosts);
            project = await makeProject({
                program: recording.program,
                main: "index.js",
                env: cloud.env,
                config: { ...recording.config, ...way.config },
                secrets: way.secrets,
            });
            const { code, stderr } = await project.run(["stack", "import", "--file", stackFile]);
            expect(code, stderr).to.equal(0);
        }
        async function dispose(): Promise<void> {
            await project.dispose();
            await Promise.all(Object.values(hosts).map((host) => host.stop()));
            hosts = {};
        }

        const resourcesThen = () => resourcesOf(recording.stack.deployment.resources);
        const resourcesNow = () => resourcesOf(project.state().resources);
        const changes = async (): Promise<string[]> =>
            (await cloud.calls())
                .filter((call) => CHANGING.test(call.operation) && !call.dryRun)
                .map((call) => call.operation);
        const sets = async (): Promise<Record<string, string>> =>
            (await project.outputs())["sets"] as Record<string, string>;
        const upWith = async (config: Record<string, string>): Promise<EngineResult> => {
            await project.setConfig(config);
            return succeeded(await project.up());
        };
        const expectUnchanged = async (result: EngineResult): Promise<void> => {
            const { summary, stdout } = succeeded(result);
            expect(["read", "same"], stdout).to.include.members(Object.keys(summary));
            expect(resourcesNow()).to.deep.equal(resourcesThen());
            expect(await changes()).to.deep.equal([]);
        };
        const expectNothingLeft = async (): Promise<void> => {
            expect(await countsOf(cloud, HOME)).to.include(NOTHING);
            expect(await countsOf(cloud, AWAY)).to.include(NOTHING);
        };

        /** What holds for every stack whose last `up` has succeeded. */
        function staysAsItIs(): void {
            it("is previewed without a change", async () => {
                await expectUnchanged(await project.preview());
            });

            it("is refreshed without a change", async () => {
                await expectUnchanged(await project.refresh());
            });

            it("is updated without a change", async () => {
                await expectUnchanged(await project.up());
                expect(await project.outputs()).to.deep.equal(recording.outputs);
            });
        }

        describe("of two servers, with images and a replica", () => {
            before(async () => {
                await restore("servers", ["linux"]);
                await new LocalSystemsManager(cloud).manage(recording.config["windowsId"] ?? "");
            });
            after(dispose);

            staysAsItIs();

            it("gets new tags in place", async () => {
                const { summary } = await upWith({ tags: '{ "team": "shop" }' });
                expect(summary).to.deep.equal({ same: 11, update: 4 });
                const { pinned, ...nightly } = await sets();
                expect({ pinned, ...nightly }).to.deep.equal((recording.outputs as { sets: object }).sets);
                const tagged = (await cloud.snapshots()).filter(({ tags }) => tags["team"] === "shop");
                expect(executionsIn(tagged)).to.have.members(Object.values(nightly));
            });

            it("takes new sets on a new trigger, and makes new images of them", async () => {
                const before = await sets();
                const { summary } = await upWith({ run: "tuesday" });
                expect(summary).to.deep.equal({ same: 7, replace: 7, update: 1 });
                const { pinned, ...nightly } = await sets();
                expect(pinned).to.equal(before["pinned"]);
                expect(Object.values(before)).not.to.include.any.members(Object.values(nightly));
                expect(executionsIn(await cloud.snapshots())).to.have.members([
                    pinned,
                    ...Object.values(nightly),
                ]);
                expect(hosts["linux"]?.events).to.deep.equal(["pre freeze", "post thaw", "thawed thaw"]);
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });

        describe("of recovery points", () => {
            before(() => restore("recoveryPoints"));
            after(dispose);

            staysAsItIs();

            it("gets new tags in place", async () => {
                const { summary } = await upWith({ tags: '{ "team": "shop" }' });
                expect(summary).not.to.have.any.keys("create", "replace", "delete");
                const snapshots = await cloud.snapshots();
                expect(snapshots.map(({ tags }) => tags["team"])).to.deep.equal(["shop", "shop"]);
            });

            it("goes on rotating", async () => {
                const [, kept] = (await project.outputs())["sets"] as string[];
                await upWith({ run: "thursday" });
                const { recoveryPoints, sets: after } = await project.outputs();
                expect(recoveryPoints).to.deep.equal(["wednesday", "thursday"]);
                expect((after as string[])[0]).to.equal(kept);
                expect(executionsIn(await cloud.snapshots())).to.have.members(after as string[]);
                expect(await countsOf(cloud, AWAY)).to.include({ snapshots: 2, images: 2, templates: 2 });
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });

        describe("of runs that did not end", () => {
            before(() => restore("unfinished", ["frozen", "frozenWithoutSet"]));
            after(dispose);

            const idsOf = (resources: ReturnType<typeof resourcesOf>): Record<string, string> =>
                Object.fromEntries(
                    Object.entries(resources).map(([urn, { id }]) => [urn.split("::").at(-1), id]),
                );
            const frozenHosts = (): string[] =>
                Object.keys(hosts).filter((name) => hosts[name]?.frozen === true);

            it("is previewed as what the next run goes on with", async () => {
                const { summary } = succeeded(await project.preview());
                expect(summary).to.deep.equal({ same: 1, update: 2, replace: 1 });
                expect(await changes()).to.deep.equal([]);
            });

            it("is refreshed without a change, and stays unfinished", async () => {
                await expectUnchanged(await project.refresh());
                expect(frozenHosts()).to.have.members(["frozen", "frozenWithoutSet"]);
            });

            it("wakes the hosts, takes the set that was not taken, and goes on waiting", async () => {
                const { diagnostics } = failed(await project.up({ args: ["--continue-on-error"] }));
                expect(diagnostics)
                    .to.match(/COMPLETION_PENDING/)
                    .and.not.to.match(/THAW_PENDING/);
                expect(frozenHosts()).to.deep.equal([]);
                expect(Object.values(hosts).flatMap((host) => host.stateLeft)).to.deep.equal([]);
                const taken = (await cloud.calls()).filter(
                    ({ operation, dryRun }) => operation === "CreateSnapshots" && !dryRun,
                );
                expect(JSON.stringify(taken.map(({ parameters }) => parameters)))
                    .to.include(recording.config["frozenWithoutSetId"])
                    .and.not.to.include(recording.config["frozenId"])
                    .and.not.to.include(recording.config["pendingId"]);
            });

            it("is finished once the snapshots are", async () => {
                const pending = (await cloud.snapshots()).filter(({ state }) => state === "pending");
                await cloud.completeSnapshots(pending.map(({ snapshotId }) => snapshotId));
                succeeded(await project.up());
                expect(await changes()).not.to.include("CreateSnapshots");
                const then = idsOf(resourcesThen());
                const now = idsOf(resourcesNow());
                expect(now).to.include({ frozen: then["frozen"], pending: then["pending"] });
                expect(now["frozenWithoutSet"]).not.to.equal(then["frozenWithoutSet"]);
                expect(executionsIn(await cloud.snapshots())).to.have.members(Object.values(now));
                expect(succeeded(await project.preview()).summary).to.deep.equal({ same: 4 });
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });
    });
}
