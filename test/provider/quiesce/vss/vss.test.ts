import { assert } from "chai";
import { clientsFor } from "../../../../provider/aws/clients";
import { assertDeletable } from "../../../../provider/aws/deleteSet";
import { timing } from "../../../../provider/base/timing";
import { rejection } from "../../../../lab/rejection";
import { describeQuiescer } from "../quiescerSuite";
import {
    PACKAGE,
    SCRIPT,
    VSS,
    VSS_AND_INSTALL,
    type VssChanges,
    WindowsScene,
    plainError,
    sent,
    stateOf,
} from "../../../../lab/scenes/windowsScene";

describe("VSS in the cloud", () => {
    let scene: WindowsScene;
    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    describeQuiescer(
        "vss",
        () => ({
            make: (signal) => scene.quiescer(signal),
            frozen: async () => (await scene.ssm.managed(scene.instanceId)).frozen,
            assertClean: () => scene.assertInvariants(),
            vouchedLevel: "application",
            reserves: false,
            holds: true,
            taker: {
                refuse: async (message) => {
                    const fault = { kind: "error", code: "SnapshotLimitExceeded", message } as const;
                    await scene.cloud.fault("CreateSnapshots", fault);
                },
                meanwhile: async (act) => {
                    const gate = await scene.cloud.gate("CreateSnapshots");
                    void gate.reached().then(act);
                },
                ended: () => scene.ssm.allEnded(),
            },
        }),
        () => scene.ssm.setCourse({ vss: "writerFailed" }),
    );
});

const KEYS = ["execution", "owner", "instance", "state", "lease", "level", "size"].map(
    (key) => `app-consistent-snapshot:${key}`,
);

describe("a snapshot by VSS", function () {
    this.timeout(120_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    const componentsNow = async () => (await scene.ssm.managed(scene.instanceId)).componentsVersion;

    it("is application-consistent: the components are installed for it, and removed", async () => {
        const outcome = await scene.create({ tags: { app: "sql" } });
        const { consistencyLevel, evidence, snapshotIds, snapshots, thawPending, imageId } = stateOf(outcome);
        assert.equal(consistencyLevel, "application");
        assert.lengthOf(snapshotIds, 3);
        assert.deepEqual(
            snapshots.map(({ boot }) => boot),
            [true, false, false],
        );
        assert.isFalse(thawPending);
        assert.isUndefined(imageId);
        assert.deepInclude(evidence, {
            method: "vss",
            vouchedBy: "vss",
            identity: "ssm",
            held: true,
            cleanup: "done",
            completion: "completed",
        });
        assert.isUndefined(evidence.reason);
        const command = outcome.commands.find(({ document }) => document === VSS);
        assert.deepEqual(evidence.vss, {
            document: VSS,
            commandId: command?.commandId ?? "",
            componentsVersion: "2.5.1",
            installedByUs: true,
            appConsistent: Object.fromEntries(snapshotIds.map((id) => [id, true])),
        });
        assert.deepEqual(sent(outcome), [SCRIPT, "Install", VSS, "Uninstall"]);
        for (const status of [
            /looking for the VSS components on the instance/,
            new RegExp(`${VSS} is (Pending|InProgress)`),
            /removing the VSS components/,
        ]) {
            assert.match(outcome.lines.join("\n"), status);
        }
        assert.isTrue(outcome.commands.every(({ comment }) => comment === `acs:${outcome.id}`));
    });

    it("carries the tags of every set, its own and AWS's", async () => {
        const outcome = await scene.create({ tags: { app: "sql" } });
        stateOf(outcome);
        for (const { tags } of await scene.cloud.snapshots(scene.instance)) {
            assert.includeMembers(Object.keys(tags), [...KEYS, "app", "Device", "AppConsistent"]);
            assert.deepInclude(tags, {
                app: "sql",
                "app-consistent-snapshot:execution": outcome.id,
                "app-consistent-snapshot:state": "complete",
                "app-consistent-snapshot:level": "application",
            });
        }
    });

    for (const [count, own] of [
        [40, KEYS],
        [41, KEYS.filter((key) => !key.endsWith(":size"))],
    ] as const) {
        it(`has room for ${count} of the user's tags beside VSS's own: ${own.length} are the package's`, async () => {
            const tags = Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "v"]));
            const outcome = await scene.create({ tags });
            assert.deepInclude(stateOf(outcome), { consistencyLevel: "application", recorded: true });
            for (const snapshot of await scene.cloud.snapshots(scene.instance)) {
                const { Device, AppConsistent, AwsVssConfig, ...rest } = snapshot.tags;
                assert.sameMembers(Object.keys(rest), [...own, ...Object.keys(tags)]);
                assert.equal(rest["app-consistent-snapshot:state"], "complete");
                assert.equal(AppConsistent, "True");
            }
        });
    }

    it("passes what was asked for to the document, as text", async () => {
        await scene.install("2.5.1");
        const changes: VssChanges = {
            quiesce: { copyOnly: true, noWriters: true },
            volumes: { excludeBootVolume: true },
            description: "before the update",
            timeouts: { command: 31.2 },
        };
        const outcome = await scene.create(changes);
        assert.equal(stateOf(outcome).consistencyLevel, "filesystem");
        assert.lengthOf(stateOf(outcome).snapshotIds, 2);
        const { tags: _, ...parameters } =
            outcome.commands.find(({ document }) => document === VSS)?.parameters ?? {};
        assert.deepEqual(parameters, {
            ExcludeBootVolume: ["True"],
            CopyOnly: ["True"],
            NoWriters: ["True"],
            CreateAmi: ["False"],
            description: ["before the update"],
            executionTimeout: ["32"],
        });
    });

    describe("the components", () => {
        it("that were there before stay", async () => {
            await scene.install("2.3.3");
            const outcome = await scene.create();
            const { evidence } = stateOf(outcome);
            assert.equal(evidence.cleanup, "nothingToDo");
            assert.deepInclude(evidence.vss, { componentsVersion: "2.3.3", installedByUs: false });
            assert.deepEqual(sent(outcome), [SCRIPT, VSS]);
        });

        it("are installed in the version that was asked for, and removed", async () => {
            const outcome = await scene.create({ quiesce: { vssVersion: "2.4.0" } });
            const { evidence } = stateOf(outcome);
            assert.deepInclude(evidence.vss, { componentsVersion: "2.4.0", installedByUs: true });
            assert.deepEqual(sent(outcome), [SCRIPT, "Install", VSS, "Uninstall"]);
        });

        it("are changed to the version that was asked for, and stay, as they were there before", async () => {
            await scene.install("2.3.3");
            const first = await scene.create({ quiesce: { vssVersion: "2.4.0" } });
            assert.deepInclude(stateOf(first).evidence.vss, {
                componentsVersion: "2.4.0",
                installedByUs: false,
            });
            assert.equal(stateOf(first).evidence.cleanup, "nothingToDo");
            scene.expectComponents("2.4.0");

            const second = await scene.create();
            assert.isFalse(stateOf(second).evidence.vss?.installedByUs, "nor does a later run remove them");
            assert.deepEqual(sent(second), [SCRIPT, VSS]);
        });

        it("are not touched when they are the version that was asked for", async () => {
            await scene.install("2.4.0");
            const outcome = await scene.create({ quiesce: { vssVersion: "2.4.0" } });
            stateOf(outcome);
            assert.deepEqual(sent(outcome), [SCRIPT, VSS]);
        });

        it("stay when that was asked for, also after later runs", async () => {
            const first = await scene.create({ quiesce: { keepComponents: true } });
            assert.equal(stateOf(first).evidence.cleanup, "nothingToDo");
            assert.deepEqual(sent(first), [SCRIPT, "Install", VSS]);
            scene.expectComponents("2.5.1");
            const second = await scene.create();
            assert.deepEqual(sent(second), [SCRIPT, VSS]);
        });

        it("of a version that leaves the provider registered: says so", async () => {
            const outcome = await scene.create({ quiesce: { vssVersion: "2.3.1" } });
            stateOf(outcome);
            assert.match(
                outcome.lines.join("\n"),
                /warning: AwsVssComponents 2\.3\.1 leave their VSS provider registered.*2\.3\.2 and newer do not/,
            );
            assert.isTrue((await scene.ssm.managed(scene.instanceId)).providerRegistered);
        });

        it("whose version cannot be told are there all the same", async () => {
            await scene.install("2.5.1");
            await scene.ssm.answerScripts(/AwsVssComponents/, {
                output: 'WARNING: profile says hello\n{"version":""}\nbye',
            });
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).evidence.vss?.componentsVersion, "2.5.1", "by AWS's tag");
            assert.deepEqual(sent(outcome), [SCRIPT, VSS]);
        });
    });

    describe("an image", () => {
        const quiesce = { createImage: { namePrefix: "sql server" } };

        it("is made of the snapshots that are put out, named after the execution, and goes before them", async () => {
            const outcome = await scene.create({ quiesce, tags: { app: "sql" } });
            const { imageId, snapshotIds, consistencyLevel } = stateOf(outcome);
            assert.equal(consistencyLevel, "application");
            assert.lengthOf(snapshotIds, 3);
            const [image, ...more] = await scene.images();
            assert.isEmpty(more);
            assert.deepInclude(image, { imageId: imageId ?? "", name: `sql server-${outcome.id}` });
            assert.deepInclude(image?.tags, {
                app: "sql",
                "app-consistent-snapshot:execution": outcome.id,
                "app-consistent-snapshot:state": "complete",
                "app-consistent-snapshot:level": "application",
            });

            const removed = await scene.remove(outcome);
            assert.isUndefined(removed.error);
            const deletes = removed.calls
                .map(({ operation }) => operation)
                .filter((one) => /^De(re|le)/.test(one));
            assert.deepEqual(deletes, ["DeregisterImage", ...Array<string>(3).fill("DeleteSnapshot")]);
        });

        for (const [what, tagsSnapshotsOfImage] of [
            ["is vouched for by itself when the document tags it alone; its snapshots get our tags", false],
            ["has snapshots that are vouched for each, when the document tags these too", true],
        ] as const) {
            it(what, async () => {
                await scene.ssm.setCourse({ tagsSnapshotsOfImage }, { document: VSS });
                const outcome = await scene.create({ quiesce, tags: { app: "sql" } });
                const { evidence, consistencyLevel, snapshotIds } = stateOf(outcome);
                assert.equal(consistencyLevel, "application");
                assert.equal(evidence.vss?.byImage ?? false, !tagsSnapshotsOfImage);
                assert.equal(evidence.vss?.componentsVersion, "2.5.1");
                assert.sameMembers(Object.keys(evidence.vss?.appConsistent ?? {}), [...snapshotIds]);
                for (const { tags } of await scene.cloud.snapshots(scene.instance)) {
                    assert.includeMembers(Object.keys(tags), [...KEYS, "app"]);
                    assert.equal("AppConsistent" in tags, tagsSnapshotsOfImage);
                }
            });
        }

        it("of a run can exist beside that of another run of the same resource", async () => {
            const first = await scene.create({ quiesce });
            const second = await scene.create({ quiesce, owner: first.inputs.owner });
            assert.notEqual(stateOf(first).imageId, stateOf(second).imageId);
            assert.lengthOf(await scene.images(), 2);
            assert.isUndefined((await scene.remove(first)).error);
        });

        it("gets new tags with its snapshots", async () => {
            const first = await scene.create({ quiesce, tags: { a: "1" } });
            const second = await scene.update(first, { quiesce, tags: { b: "2" } });
            stateOf(second);
            const [image] = await scene.images();
            assert.equal(image?.tags["b"], "2");
            assert.notProperty(image?.tags, "a");
        });

        it("that takes longer than its snapshots' limit is waited for in the next run", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 600_000 }, scene.instanceId);
            const first = await scene.create({ quiesce, timeouts: { completion: 1 } });
            assert.match(first.error?.message ?? "", /^COMPLETION_PENDING /);
            await scene.cloud.completeSnapshots([...(first.error?.properties?.snapshotIds ?? [])]);
            const second = await scene.update(first, { quiesce });
            assert.equal(stateOf(second).evidence.completion, "completed");
            assert.equal(stateOf(second).imageId, first.error?.properties?.imageId);
            assert.isEmpty(second.commands);
        });

        it("is found with its set by the execution id", async () => {
            const outcome = await scene.create({ quiesce });
            const { imageId, snapshotIds } = stateOf(outcome);
            const { props } = await scene.read(outcome.id);
            assert.equal(props.imageId, imageId);
            assert.equal(props.consistencyLevel, "application");
            assert.sameMembers([...props.snapshotIds], [...snapshotIds]);
            assert.deepInclude(props.evidence, { method: "vss", vouchedBy: "vss" });
        });

        it("that was deregistered behind Pulumi's back is missed, and the next run replaces the set", async () => {
            const outcome = await scene.create({ quiesce });
            const state = stateOf(outcome);
            assert.deepEqual((await scene.read(outcome.id, state)).props.lost, []);
            await scene.deregister(state.imageId ?? "");
            const { id, props } = await scene.read(outcome.id, state);
            assert.equal(id, outcome.id);
            assert.deepEqual(props.lost, [`${state.imageId ?? ""} was deregistered`]);
            const after = { ...outcome, state: { ...state, lost: props.lost } };
            assert.deepEqual(scene.diff(after, { quiesce }).replaces, ["snapshotIds"]);
            assert.isUndefined((await scene.remove(outcome)).error);
        });

        describe("that was disabled behind Pulumi's back", () => {
            const disabled = async () => {
                const outcome = await scene.create({ quiesce });
                const state = stateOf(outcome);
                await scene.disable(state.imageId ?? "");
                return { outcome, state };
            };

            it("is not gone: nothing is missed, nothing replaced", async () => {
                const { outcome, state } = await disabled();
                const { props } = await scene.read(outcome.id, state);
                assert.deepEqual(props.lost, []);
                const after = { ...outcome, state: { ...state, lost: props.lost } };
                assert.isFalse(scene.diff(after, { quiesce }).changes);
            });

            it("is found with its set by the execution id", async () => {
                const { outcome, state } = await disabled();
                assert.equal((await scene.read(outcome.id)).props.imageId, state.imageId);
            });

            it("is deleted with its set", async () => {
                const { outcome } = await disabled();
                assert.isUndefined((await scene.remove(outcome)).error);
            });

            it("is reaped with its set when the run died", async () => {
                const { outcome, state } = await disabled();
                await scene.abandon(outcome);
                const next = await scene.create({ quiesce, owner: outcome.inputs.owner });
                stateOf(next);
                const left = (await scene.images()).map(({ imageId }) => imageId);
                assert.notInclude(left, state.imageId);
            });

            it("is named when it is in the way of another set", async () => {
                const { state } = await disabled();
                const clients = await clientsFor();
                const error = await rejection(
                    assertDeletable(clients, state.snapshotIds, undefined, {
                        log: () => undefined,
                        signal: AbortSignal.timeout(10_000),
                    }),
                );
                assert.include(error.message, `${state.imageId ?? ""} is made from it`);
            });
        });

        it("whose snapshots fail goes with them", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 5_000, failAfterMs: 200 }, scene.instanceId);
            const outcome = await scene.create({ quiesce });
            assert.match(plainError(outcome).message, /^SNAPSHOT_FAILED /);
        });
    });

    describe("what changes mean", () => {
        it("tells what replaces from what is used at the next snapshot", async () => {
            const before = await scene.create({ waitForCompletion: true });
            const same = { changes: false, replaces: [] };
            for (const quiesce of [
                { copyOnly: true },
                { vssVersion: "2.4.0" },
                { keepComponents: true },
                { createImage: false as const },
            ]) {
                assert.deepEqual(scene.diff(before, { quiesce }), same, JSON.stringify(quiesce));
            }
            for (const quiesce of [{ noWriters: true }, { createImage: true as const }]) {
                assert.deepEqual(scene.diff(before, { quiesce }).replaces, ["quiesce"]);
            }
        });

        it("an image by another prefix is another image", async () => {
            const before = await scene.create({ quiesce: { createImage: true } });
            const other = { createImage: { namePrefix: "sql" } };
            assert.deepEqual(scene.diff(before, { quiesce: other }).replaces, ["quiesce"]);
            const same = { createImage: { namePrefix: "app-consistent-snapshot" } };
            assert.deepEqual(scene.diff(before, { quiesce: same }), { changes: false, replaces: [] });
        });
    });

    describe("leftovers of a run that died", () => {
        /** A run that was killed right after installing. */
        const leaveBehind = async (): Promise<void> => {
            await scene.ssm.setCourse(
                { outcome: "fail", errorOutput: "uninstall failed" },
                { document: PACKAGE, parameters: { action: "Uninstall" }, times: 1 },
            );
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).evidence.cleanup, "failed");
            assert.equal(await componentsNow(), "2.5.1");
        };

        it("are recognised by their commands, used, and removed by the next run", async () => {
            await leaveBehind();
            const next = await scene.create();
            const { evidence } = stateOf(next);
            assert.equal(evidence.cleanup, "done");
            assert.isTrue(evidence.vss?.installedByUs);
            assert.deepEqual(sent(next), [SCRIPT, VSS, "Uninstall"]);
        });

        it("of a run that was killed right after installing are removed by one that follows at once", async () => {
            timing.betweenCommandsMs = 3_000;
            timing.inUseMs = 30_000;
            await scene.sendForeign(PACKAGE, { action: "Install", name: "AwsVssComponents" }, "acs:acs-dead");
            const next = await scene.create();
            const { evidence } = stateOf(next);
            assert.isTrue(evidence.vss?.installedByUs);
            assert.equal(evidence.cleanup, "done");
        });

        it("are left to somebody else's backup that runs, and it is told", async () => {
            await scene.sendForeign(PACKAGE, { action: "Install", name: "AwsVssComponents" }, "acs:acs-dead");
            timing.betweenCommandsMs = 0;
            await scene.ssm.setCourse({ outcome: "fail" }, { document: VSS, times: 1 });
            const gate = await scene.ssm.hold({ document: VSS, times: 1 });
            const running = scene.sendForeign(VSS, { tags: "" }, "nightly");
            await gate.reached();
            const next = await scene.create();
            assert.match(
                stateOf(next).evidence.message ?? "",
                /left for the command [\w-]+, which uses them/,
            );
            assert.equal(stateOf(next).evidence.cleanup, "failed");
            await gate.release();
            await running;
            scene.expectComponents("2.5.1");
        });

        it("stay when the next run is told to keep them", async () => {
            await leaveBehind();
            const next = await scene.create({ quiesce: { keepComponents: true } });
            assert.deepEqual(sent(next), [SCRIPT, VSS]);
            scene.expectComponents("2.5.1");
        });
    });

    describe("two runs at once", () => {
        it("never pull the components from under each other: they are left, which is told; the last one removes them", async () => {
            const other = await scene.ssm.hold({ document: VSS, times: 1 });
            const first = scene.create();
            await other.reached();
            const second = await scene.create();
            const { evidence } = stateOf(second);
            assert.isTrue(evidence.vss?.installedByUs);
            assert.equal(evidence.cleanup, "failed");
            assert.match(
                evidence.message ?? "",
                /remove the VSS components: they are left for acs-[\w-]+, which uses them; that run or the next removes them/,
            );
            assert.equal(await componentsNow(), "2.5.1");
            await other.release();
            assert.equal(stateOf(await first).consistencyLevel, "application");
            assert.isNull(await componentsNow());
        });

        it("wait for each other before they remove the components", async () => {
            timing.inUseMs = 30_000;
            const other = await scene.ssm.hold({ document: VSS, times: 1 });
            const first = scene.create();
            await other.reached();
            const second = scene.create();
            await scene.ssm.reached({ document: VSS });
            await other.release();
            assert.equal(stateOf(await first).evidence.cleanup, "done");
            assert.equal(stateOf(await second).evidence.cleanup, "done");
        });

        it("that begin while the other removes the components install them again", async () => {
            const removal = await scene.ssm.hold({
                document: PACKAGE,
                parameters: { action: "Uninstall" },
                times: 1,
            });
            const first = scene.create();
            await removal.reached();
            const running = scene.create();
            await scene.ssm.reached({ document: PACKAGE, parameters: { action: "Install" }, skip: 1 });
            await removal.release();
            stateOf(await first);
            const second = await running;
            assert.equal(stateOf(second).consistencyLevel, "application");
            assert.isTrue(stateOf(second).evidence.vss?.installedByUs);
        });
    });

    it("in a region without the document runs the other one, and leaves the components' version alone", async () => {
        await scene.install("2.3.3");
        await scene.ssm.removeDocument(VSS);
        const outcome = await scene.create();
        const { evidence } = stateOf(outcome);
        assert.deepInclude(evidence.vss, {
            document: VSS_AND_INSTALL,
            componentsVersion: "2.3.3",
            installedByUs: false,
        });
        assert.deepEqual(sent(outcome), [SCRIPT, VSS_AND_INSTALL]);
        assert.match(outcome.lines.join("\n"), /AWSEC2-CreateVssSnapshot is not in this region/);
    });
});
