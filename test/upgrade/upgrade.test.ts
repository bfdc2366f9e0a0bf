import { expect } from "chai";
import { countsOf } from "../../lab/cloud/cloudContents";
import { executionsIn, succeeded } from "../../lab/engine/e2e";
import { type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import { type EngineResult, makeProject, type Project } from "../../lab/engine/project";
import {
    leaveOn,
    type Recording,
    readRecording,
    recordedReleases,
    recordedScenarios,
    resourcesOf,
    wayTo,
} from "../../lab/engine/recording";
import { needsRoot, type SshHost, startSshHost } from "../../lab/hosts/sshHost";

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

        function scenario(name: string, title: string, tests: () => void): void {
            if (recordedScenarios(release).includes(name)) {
                describe(title, tests);
            }
        }

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
        const expectAllAsItWas = async (): Promise<void> => {
            expect(resourcesNow()).to.deep.equal(resourcesThen());
            expect(await changes()).to.deep.equal([]);
        };
        /** In place, and nothing else. */
        const expectUpdates = (result: EngineResult, count: number): void => {
            const { summary, stdout } = succeeded(result);
            const { read: _, same: __, ...changed } = summary;
            expect(changed, stdout).to.deep.equal(count === 0 ? {} : { update: count });
        };
        const expectNothingLeft = async (): Promise<void> => {
            expect(await countsOf(cloud, HOME)).to.include(NOTHING);
            expect(await countsOf(cloud, AWAY)).to.include(NOTHING);
        };

        /**
         * @param templates launch templates, which get a new version with `metadataOptions`
         * @param refreshed what `refresh` finds changed that is not ours
         */
        function staysAsItIs({ templates, refreshed = 0 }: { templates: number; refreshed?: number }): void {
            it("is previewed without a change but for new versions of launch templates", async () => {
                expectUpdates(await project.preview(), templates);
                await expectAllAsItWas();
            });

            it("is refreshed without a change", async () => {
                const { summary } = succeeded(await project.refresh());
                expect(summary["update"] ?? 0).to.equal(refreshed);
                await expectAllAsItWas();
            });

            it("is updated, and nothing is replaced", async () => {
                expectUpdates(await project.up(), templates);
                const [then, now] = [withoutTemplates(resourcesThen()), withoutTemplates(resourcesNow())];
                expect(now).to.deep.equal(then);
                const versions = ["CreateLaunchTemplateVersion", "ModifyLaunchTemplate"];
                expect((await changes()).sort()).to.deep.equal(
                    versions.flatMap((operation) => Array<string>(templates).fill(operation)),
                );
                expect(withoutGotEvidence(await project.outputs())).to.deep.equal(
                    withoutGotEvidence(recording.outputs),
                );
            });
        }

        scenario("servers", "of two servers, with images and a replica", () => {
            before(async () => {
                await restore("servers", ["linux"]);
                await new LocalSystemsManager(cloud).manage(recording.config["windowsId"] ?? "");
            });
            after(dispose);

            staysAsItIs({ templates: 1 });

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
                expect(hosts["linux"]?.events).to.deep.equal([
                    // Rehearsed while nothing is frozen: that release did not.
                    ...["post thaw", "thawed thaw"],
                    ...["pre freeze", "post thaw", "thawed thaw"],
                ]);
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });

        scenario("recoveryPoints", "of recovery points", () => {
            before(() => restore("recoveryPoints"));
            after(dispose);

            // The stack's reference to itself, whose list was that of the night before.
            staysAsItIs({ templates: 2, refreshed: 1 });

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

        scenario("unfinished", "of runs that did not end", () => {
            before(() => restore("unfinished", ["frozen", "frozenWithoutSet"]));
            after(dispose);

            const idsOf = (resources: ReturnType<typeof resourcesOf>): Record<string, string> =>
                Object.fromEntries(
                    Object.entries(resources).map(([urn, { id }]) => [urn.replace(/.*::/, ""), id]),
                );
            const frozenHosts = (): string[] =>
                Object.keys(hosts).filter((name) => hosts[name]?.frozen === true);

            it("is previewed as what the next run goes on with", async () => {
                const { summary } = succeeded(await project.preview());
                expect(summary).to.deep.equal({ same: 1, update: 2, replace: 1 });
                await expectAllAsItWas();
            });

            it("is refreshed without a change, and stays unfinished", async () => {
                // The engine calls it an update that it forgets the errors of the last run.
                succeeded(await project.refresh());
                await expectAllAsItWas();
                expect(frozenHosts()).to.have.members(["frozen", "frozenWithoutSet"]);
            });

            it("goes on: wakes the hosts, takes the set that was not taken, and waits for the others", async () => {
                const snapshots = await cloud.snapshots();
                const pending = snapshots.filter(({ state }) => state === "pending");
                expect(pending).to.have.length(2);
                await project.setConfig({ completion: "120" });
                const running = project.spawn("up");
                await running.waitForLine(/pending.* 0 of 2 completed/);
                await cloud.completeSnapshots(pending.map(({ snapshotId }) => snapshotId));
                const { summary } = succeeded(await running.result);
                expect(summary).to.deep.equal({ same: 1, update: 2, replace: 1 });

                expect(frozenHosts()).to.deep.equal([]);
                expect(Object.values(hosts).flatMap((host) => host.stateLeft)).to.deep.equal([]);
                const { frozenWithoutSet, ...others } = idsOf(resourcesNow());
                const { frozenWithoutSet: before, ...kept } = idsOf(resourcesThen());
                expect(others).to.deep.equal(kept);
                expect(frozenWithoutSet).not.to.equal(before);
                const after = await cloud.snapshots();
                expect(after).to.have.length(snapshots.length + 1);
                expect(executionsIn(after)).to.have.members(Object.values(idsOf(resourcesNow())));
                for (const { outputs } of Object.values(resourcesNow())) {
                    expect(outputs).to.include({ thawPending: false, unfinished: false });
                    expect(outputs).to.have.nested.property("evidence.completion", "completed");
                }
            });

            it("then stays as it is", async () => {
                expect(succeeded(await project.preview()).summary).to.deep.equal({ same: 4 });
            });

            it("takes new sets on a new trigger", async () => {
                const before = await cloud.snapshots();
                const { summary } = await upWith({ run: "tuesday" });
                expect(summary).to.deep.equal({ same: 1, replace: 3 });
                const after = await cloud.snapshots();
                expect(after).to.have.length(before.length);
                expect(executionsIn(after)).not.to.include.any.members(executionsIn(before));
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });

        scenario("groups", "of two groups, of which one has a server that was not thawed", () => {
            before(() => restore("groups", ["db", "app", "frozenDb", "frozenApp"]));
            after(dispose);

            const isFrozen = () => hosts["frozenApp"]?.frozen;

            it("is previewed as what the next run goes on with", async () => {
                const { summary } = succeeded(await project.preview());
                expect(summary).to.deep.equal({ same: 4, update: 1 });
                await expectAllAsItWas();
            });

            it("is refreshed without a change", async () => {
                succeeded(await project.refresh());
                await expectAllAsItWas();
                expect(isFrozen()).to.equal(true);
            });

            it("goes on: wakes the server, and takes nothing new", async () => {
                const before = await cloud.snapshots();
                const { summary } = succeeded(await project.up());
                expect(summary).to.deep.equal({ same: 4, update: 1 });
                expect(isFrozen()).to.equal(false);
                expect(hosts["frozenApp"]?.stateLeft).to.deep.equal([]);
                expect(await cloud.snapshots()).to.have.length(before.length);
                expect(await project.outputs()).to.deep.equal(recording.outputs);
                const groups = Object.entries(resourcesNow()).filter(([urn]) => /Group::/.test(urn));
                expect(groups).to.have.length(2);
                for (const [urn, { id, outputs }] of groups) {
                    expect(id).to.equal(resourcesThen()[urn]?.id);
                    expect(outputs).to.include({ thawPending: false, samePoint: true });
                }
                expect(succeeded(await project.preview()).summary).to.deep.equal({ same: 5 });
            });

            it("gets new tags in place", async () => {
                const { summary } = await upWith({ tags: '{ "team": "shop" }' });
                expect(summary).to.deep.equal({ same: 3, update: 2 });
                expect((await cloud.snapshots()).every(({ tags }) => tags["team"] === "shop")).to.equal(true);
            });

            it("takes new sets of all members on a new trigger, and a new image", async () => {
                const before = executionsIn(await cloud.snapshots());
                const { summary } = await upWith({ run: "tuesday" });
                expect(summary).to.deep.equal({ same: 2, replace: 3 });
                const after = executionsIn(await cloud.snapshots());
                expect(after).to.have.length(before.length);
                expect(after).not.to.include.any.members(before);
            });

            it("is destroyed, and leaves nothing", async () => {
                succeeded(await project.destroy());
                await expectNothingLeft();
            });
        });
    });
}

/** Of launch templates only which they are: what is in them may change. */
function withoutTemplates(resources: ReturnType<typeof resourcesOf>): object {
    const entries = Object.entries(resources).map(([urn, resource]) =>
        urn.includes(":LaunchTemplate::") ? [urn, resource.id] : [urn, resource],
    );
    return Object.fromEntries(entries) as object;
}

/** It is read anew, and tells no more than tags prove: that release invented the rest. */
function withoutGotEvidence(outputs: object): object {
    const { got } = outputs as { got?: object };
    return got === undefined ? outputs : { ...outputs, got: { ...got, evidence: undefined } };
}
