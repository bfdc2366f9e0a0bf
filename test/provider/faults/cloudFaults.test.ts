import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { timing } from "../../../provider/base/timing";
import {
    type Changes,
    type Outcome,
    Scene,
    initError,
    plainError,
    setRequests,
    stateOf,
} from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";

const PENDING = /0 of 3 completed/;
const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];

describe("faults of the cloud", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    beforeEach(() => Object.assign(timing, { throttlePauseMs: 50, lateAnswerMs: 2_000, visibleMs: 3_000 }));
    afterEach(async () => {
        Object.assign(timing, usual);
        await scene.afterEach();
    });
    after(() => Scene.stopAll());

    /** An error; thawed before, and the level is not claimed nor the set kept. */
    async function assertNothingKept(code: string, text: RegExp, changes: Changes = {}): Promise<Outcome> {
        const outcome = await scene.create(changes);
        const { message } = plainError(outcome);
        assert.match(message, new RegExp(`^${code} \\(${scene.instance.instanceId}\\): `));
        assert.match(message, text);
        assert.match(message, /State: the instance is awake; no snapshot was kept\. What to do: \S/);
        assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        return outcome;
    }

    describe("CreateSnapshots", () => {
        it("is throttled: thawed, then tried again from the start", async () => {
            const code = "SnapshotCreationPerVolumeRateExceeded";
            await scene.cloud.fault("CreateSnapshots", { kind: "error", code }, { times: 2 });
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.deepEqual(outcome.events, [
                ...FROZEN_AND_THAWED,
                ...FROZEN_AND_THAWED,
                ...FROZEN_AND_THAWED,
            ]);
            assert.match(
                outcome.lines.join("\n"),
                /SnapshotCreationPerVolumeRateExceeded.*Trying again in 0\.05 s; the instance is awake meanwhile/,
            );
        });

        it("is throttled by the cloud's own rule for volumes that rest too short", async () => {
            timing.throttlePauseMs = 2_500;
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
            // Not before: the volumes may have had snapshots in other tests.
            await scene.cloud.setSnapshotLimits({ volumeIntervalMs: 600_000 });
            const creating = scene.create();
            await scene.untilLogged(/SnapshotCreationPerVolumeRateExceeded/);
            await scene.cloud.setSnapshotLimits({ volumeIntervalMs: 0 });
            const second = await creating;
            assert.equal(stateOf(second).consistencyLevel, "application");
            assert.lengthOf(setRequests(second), 2);
        });

        it("is throttled each time: an error in the end, thawed each time", async () => {
            const fault = { kind: "error", code: "RequestLimitExceeded", status: 503 } as const;
            await scene.cloud.fault("CreateSnapshots", fault, { times: null });
            const outcome = await scene.create();
            assert.match(plainError(outcome).message, /^SNAPSHOT_THROTTLED .*RequestLimitExceeded.*is awake/);
            assert.lengthOf(setRequests(outcome), 3);
            assert.lengthOf(outcome.events, 9);
        });

        it("is refused", async () => {
            await scene.cloud.fault("CreateSnapshots", { kind: "error", code: "SnapshotLimitExceeded" });
            const outcome = await assertNothingKept("SNAPSHOT_REFUSED", /SnapshotLimitExceeded/);
            assert.lengthOf(setRequests(outcome), 1);
        });

        it("is refused, and no plain set is tried instead: it would be refused too", async () => {
            await scene.cloud.fault("CreateSnapshots", { kind: "error", code: "SnapshotLimitExceeded" });
            const changes = { minimumLevel: "crash" } as const;
            const outcome = await assertNothingKept("SNAPSHOT_REFUSED", /SnapshotLimitExceeded/, changes);
            assert.lengthOf(setRequests(outcome), 1);
        });

        it("is not allowed, although its dry run was", async () => {
            await scene.cloud.deny("CreateSnapshots", { dryRun: false });
            await assertNothingKept("ACCESS_DENIED", /ec2:CreateSnapshots/);
        });

        it("takes longer than the freeze may last: the set is crash, and not kept", async () => {
            await scene.cloud.setLatency("CreateSnapshots", { after: 2_000 });
            timing.lateAnswerMs = 20_000;
            const timeouts = { freeze: 1 };
            await assertNothingKept("FREEZE_EXPIRED", /thawed the instance when timeouts\.freeze/, {
                timeouts,
            });
        });

        it("takes longer than the freeze may last: the set is crash, and kept when that will do", async () => {
            await scene.cloud.setLatency("CreateSnapshots", { after: 2_000 });
            timing.lateAnswerMs = 20_000;
            const outcome = await scene.create({ timeouts: { freeze: 1 }, minimumLevel: "crash" });
            const { consistencyLevel, evidence, thawPending } = stateOf(outcome);
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.reason, "FREEZE_EXPIRED");
            assert.isFalse(evidence.held);
            assert.isFalse(thawPending);
            const { apiMs = NaN } = evidence;
            assert.isAtLeast(apiMs, 1_900);
            assert.isBelow(evidence.freezeWindowMs ?? Infinity, apiMs);
            assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        });

        it("is carried out but cut before its answer: the set is found and deleted", async () => {
            await scene.cloud.fault("CreateSnapshots", { kind: "cut", phase: "after" });
            const outcome = await assertNothingKept(
                "SNAPSHOT_OUTCOME_UNKNOWN",
                /not known whether EC2 has carried out CreateSnapshots/,
            );
            assert.lengthOf(setRequests(outcome), 1, "never repeated");
        });

        it("is carried out but cut, and the set is only seen later", async () => {
            await scene.cloud.configureSnapshots({ invisibleMs: 1_500 }, scene.instance.instanceId);
            await scene.cloud.fault("CreateSnapshots", { kind: "cut", phase: "after" });
            await assertNothingKept(
                "SNAPSHOT_OUTCOME_UNKNOWN",
                /not known whether EC2 has carried out CreateSnapshots/,
            );
        });

        it("is answered by a server error, carried out or not", async () => {
            for (const phase of ["before", "after"] as const) {
                const fault = { kind: "error", phase, code: "InternalError", status: 500 } as const;
                await scene.cloud.fault("CreateSnapshots", fault);
                const outcome = await assertNothingKept("SNAPSHOT_OUTCOME_UNKNOWN", /InternalError/);
                assert.lengthOf(setRequests(outcome), 1, "never repeated");
            }
        });

        for (const phase of ["before", "after"] as const) {
            it(`is never answered (${phase} it was carried out)`, async () => {
                await scene.cloud.fault("CreateSnapshots", { kind: "never", phase });
                await assertNothingKept("SNAPSHOT_OUTCOME_UNKNOWN", /no answer within 3 s/, {
                    timeouts: { freeze: 1 },
                });
            });
        }

        it("is carried out twice, by somebody on the way who repeats it: both sets go", async () => {
            await scene.cloud.fault("CreateSnapshots", { kind: "actTwice" });
            await assertNothingKept("DUPLICATE_SNAPSHOTS", /6 snapshots of 3 volumes/);
        });
    });

    describe("the set", () => {
        it("has a volume more: it was attached in between", async () => {
            const gate = await scene.cloud.gate("CreateSnapshots");
            const running = scene.create();
            await gate.reached();
            const { volumeId } = await scene.cloud.attachVolume(scene.instance.instanceId);
            await gate.release();
            const outcome = await running;
            assert.match(
                plainError(outcome).message,
                new RegExp(
                    `^VOLUMES_CHANGED .*took snapshots of .*${volumeId}.*the instance is awake; no snapshot was kept`,
                ),
            );
            const made = await scene.cloud.snapshots();
            assert.isEmpty(made.filter((snapshot) => snapshot.volumeId === volumeId));
            await scene.cloud.detachVolume(scene.instance.instanceId, volumeId);
        });

        it("lacks a volume: it was detached in between", async () => {
            const { volumeId } = await scene.cloud.attachVolume(scene.instance.instanceId);
            const gate = await scene.cloud.gate("CreateSnapshots");
            const running = scene.create();
            await gate.reached();
            await scene.cloud.detachVolume(scene.instance.instanceId, volumeId);
            await gate.release();
            assert.match(plainError(await running).message, /^VOLUMES_CHANGED .*no snapshot was kept/);
        });

        it("is seen only later: waited for", async () => {
            await scene.cloud.configureSnapshots({ invisibleMs: 1_500 }, scene.instance.instanceId);
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
        });

        it("cannot be deleted, because the error says so, and the next run of the resource does it", async () => {
            await scene.cloud.fault("CreateSnapshots", { kind: "actTwice" });
            await scene.cloud.deny("DeleteSnapshot");
            const failed = await scene.create();
            assert.match(
                plainError(failed).message,
                /^DUPLICATE_SNAPSHOTS .*next run deletes what could not be undone now \(.*ec2:DeleteSnapshot.*\)/,
            );
            const left = await scene.cloud.snapshots(scene.instance);
            assert.lengthOf(left, 6);
            assert.isTrue(left.every(({ tags }) => tags["app-consistent-snapshot:state"] === "in-progress"));

            await scene.cloud.reset();
            await endLease(left.map(({ snapshotId }) => snapshotId));
            const next = await scene.create({ owner: failed.inputs.owner });
            stateOf(next);
            assert.match(
                next.lines.join("\n"),
                /deleting the abandoned set acs-[\w-]+ \(snap-.*of a run that died/,
            );
        });

        /** As if the run that took them had died long ago. */
        async function endLease(snapshotIds: string[]): Promise<void> {
            const client = new EC2Client(scene.cloud.clientConfig());
            const Tags = [{ Key: "app-consistent-snapshot:lease", Value: "2020-01-01T00:00:00.000Z" }];
            await client.send(new CreateTagsCommand({ Resources: snapshotIds, Tags }));
            client.destroy();
        }

        it("has a snapshot that turns to error: all of it goes", async () => {
            const failing = {
                failAfterMs: 200,
                failMessage: "Given key ID is not accessible",
                durationMs: 5_000,
            };
            await scene.cloud.configureSnapshots(failing, scene.instance.instanceId);
            const outcome = await scene.create();
            assert.match(
                plainError(outcome).message,
                /^SNAPSHOT_FAILED .*Given key ID is not accessible.*State: the instance is awake; the set is deleted\./,
            );
            assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        });
    });

    describe("waiting for completion", () => {
        it("outlives the credentials: an init error, and the next run goes on waiting", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 3_000 }, scene.instance.instanceId);
            const running = scene.create();
            await scene.untilLogged(PENDING);
            await scene.cloud.expireCredentials();
            const first = await running;
            const { message, properties } = initError(first);
            assert.match(
                message,
                /^COMPLETION_PENDING .*RequestExpired.*the instance is awake; the set snap-.*is kept/,
            );
            assert.equal(properties.evidence.completion, "pending");
            assert.equal(properties.consistencyLevel, "application");
            assert.lengthOf(properties.snapshotIds, 3);

            await scene.cloud.reset();
            assert.deepEqual(scene.diff(first), { changes: true, replaces: [] });
            await assertGoesOn(first);
        });

        it("takes longer than its limit: an init error, and the next run goes on waiting", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 4_000 }, scene.instance.instanceId);
            const first = await scene.create({ timeouts: { completion: 1 } });
            const { message, properties } = initError(first);
            assert.match(message, /^COMPLETION_PENDING .*timeouts\.completion/);
            assert.equal(properties.evidence.completion, "pending");
            await assertGoesOn(first);
        });

        it("is not done when it is not asked for", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 60_000 }, scene.instance.instanceId);
            const { evidence, recorded } = stateOf(await scene.create({ waitForCompletion: false }));
            assert.equal(evidence.completion, "pending");
            assert.isTrue(recorded);
        });

        it("goes on over passing errors", async () => {
            await scene.cloud.configureSnapshots({ durationMs: 1_500 }, scene.instance.instanceId);
            const running = scene.create();
            await scene.untilLogged(PENDING);
            const fault = { kind: "error", code: "InternalError", status: 500 } as const;
            await scene.cloud.fault("DescribeSnapshots", fault, { times: 4 });
            assert.equal(stateOf(await running).evidence.completion, "completed");
        });

        async function assertGoesOn(first: Outcome): Promise<void> {
            const second = await scene.update(first);
            const state = stateOf(second);
            assert.equal(state.evidence.completion, "completed");
            assert.deepEqual(state.snapshotIds, first.error?.properties?.snapshotIds);
            assert.isTrue(state.recorded);
            assert.deepEqual(setRequests(second), []);
            assert.deepEqual(second.events, []);
        }
    });

    it("does not freeze with credentials that end too soon", async () => {
        const role = { roleArn: "arn:aws:iam::123456789012:role/backup" };
        await scene.cloud.setRoleDuration(90);
        const outcome = await scene.create({
            aws: { assumeRole: role },
            timeouts: { preFreeze: 60, freeze: 30 },
        });
        assert.match(
            plainError(outcome).message,
            /^CREDENTIALS_EXPIRE .*within the 150 s that a freeze may take/,
        );
        assert.deepEqual(outcome.events, []);
    });
});
