import { assert, expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { timing } from "../../../../provider/base/timing";
import { needsRoot } from "../../../../lab/hosts/sshHost";
import { type GroupOutcome, GroupScene } from "../../../../lab/scenes/groupScene";
import { Scene } from "../../../../lab/scenes/scene";

const NAMES = ["db", "app", "files"];
const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];

describe("a group of three servers", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    let group: GroupScene;

    before(async function () {
        needsRoot(this);
        group = await GroupScene.start(...NAMES);
    });
    beforeEach(() => Object.assign(timing, { throttlePauseMs: 50, lateAnswerMs: 2_000, visibleMs: 3_000 }));
    afterEach(async () => {
        Object.assign(timing, usual);
        await group.afterEach();
    });
    after(() => Scene.stopAll());

    const hosts = () => NAMES.map((name) => group.scene(name).host);
    const requests = async () =>
        (await group.cloud.calls()).filter(
            ({ operation, dryRun }) => operation === "CreateSnapshots" && !dryRun,
        );

    function failed({ error, state }: GroupOutcome): string {
        assert.isUndefined(state);
        assert.isUndefined(error?.properties, "nothing is kept");
        return error?.message ?? assert.fail("it succeeded");
    }

    it("is frozen as a whole while the sets are taken, and then awake", async () => {
        group.scene("app").host.writeHooks({ pre: "sleep 2" });
        const gate = await group.cloud.gate("CreateSnapshots", {
            resource: group.scene("files").instance.instanceId,
        });
        const creating = group.create();
        await group.scene("db").host.until(() => group.scene("db").host.frozen, { what: "db to be frozen" });
        assert.deepEqual(await requests(), [], "before all are frozen");
        await gate.reached();
        await sleep(500);
        // The other two have been answered for long.
        assert.deepEqual(
            hosts().map((host) => host.frozen),
            [true, true, true],
        );
        await gate.release();
        const { state } = await creating;
        assert.deepEqual(
            hosts().map((host) => host.events),
            [FROZEN_AND_THAWED, FROZEN_AND_THAWED, FROZEN_AND_THAWED],
        );
        assert.equal(state?.consistencyLevel, "application");
        assert.isTrue(state?.samePoint);
        assert.isFalse(state.thawPending);
        assert.sameMembers(Object.keys(state.sets), NAMES);
        const { firstRequestAt = "", lastAnswerAt = "", longestFreezeMs = 0 } = state.evidence;
        for (const set of Object.values(state.sets)) {
            assert.isBelow(Date.parse(set.evidence.frozenAt ?? ""), Date.parse(firstRequestAt) + 1);
            assert.isAbove(Date.parse(set.evidence.thawedAt ?? ""), Date.parse(lastAnswerAt) - 1);
            assert.isAtMost(set.evidence.freezeWindowMs ?? Infinity, longestFreezeMs);
        }
    });

    it("finds out everything that stands against any of them before anything is frozen", async () => {
        group.scene("db").host.exec(`rm ${group.scene("db").host.preFreezePath}`);
        group.scene("app").host.exec(`rm ${group.scene("app").host.postThawPath}`);
        const message = failed(await group.create());
        assert.match(message, /Member db \(i-\w+\), PRECONDITION_FAILED: \[SCRIPT_MISSING\]/);
        assert.match(message, /Member app \(i-\w+\), PRECONDITION_FAILED: \[SCRIPT_MISSING\]/);
        assert.notMatch(message, /Member files/);
        assert.deepEqual(
            hosts().map((host) => host.events),
            [[], [], []],
        );
    });

    it("thaws all at once when one does not freeze, also those that still freeze", async () => {
        group.scene("db").host.writeHooks({ pre: "sleep 1; exit 7" });
        group.scene("files").host.writeHooks({ pre: "sleep 15" });
        const started = performance.now();
        const message = failed(await group.create());
        assert.isBelow(performance.now() - started, 14_000);
        assert.match(message, /^PRE_FREEZE_FAILED: Member db \(i-\w+\), PRE_FREEZE_FAILED: /);
        assert.notMatch(message, /Member (app|files)/);
        for (const name of NAMES) {
            assert.match(message, new RegExp(`${name}: the instance is awake; no snapshot was kept\\.`));
        }
        assert.deepEqual(await requests(), []);
    });

    const refusals = [
        ["UnauthorizedOperation", "ACCESS_DENIED"],
        ["InternalError", "SNAPSHOT_REFUSED|SNAPSHOT_OUTCOME_UNKNOWN"],
    ] as const;
    for (const [code, expected] of refusals) {
        it(`keeps no set when one is refused with ${code}`, async () => {
            const { instanceId } = group.scene("app").instance;
            await group.cloud.fault("CreateSnapshots", { kind: "error", code }, { resource: instanceId });
            const message = failed(await group.create());
            assert.match(message, new RegExp(`^(${expected}): Member app`));
            assert.deepEqual(
                hosts().map((host) => host.events),
                NAMES.map(() => FROZEN_AND_THAWED),
            );
        });
    }

    it("is tried again as a whole when one is throttled", async () => {
        const { instanceId } = group.scene("app").instance;
        const fault = { kind: "error", code: "RequestLimitExceeded", status: 503 } as const;
        await group.cloud.fault("CreateSnapshots", fault, { resource: instanceId });
        const { state, error } = await group.create();
        assert.isTrue(state?.samePoint, error?.message);
        assert.deepEqual(
            hosts().map((host) => host.events),
            NAMES.map(() => [...FROZEN_AND_THAWED, ...FROZEN_AND_THAWED]),
        );
    });

    it("takes plain sets of all when one cannot be frozen, where that is enough", async () => {
        group.scene("db").host.writeHooks({ pre: "exit 7" });
        const { state, error } = await group.create({ minimumLevel: "crash" });
        assert.equal(state?.consistencyLevel, "crash", error?.message);
        assert.isFalse(state?.samePoint);
        expect(state.sets["db"]?.evidence.reason).to.equal("PRE_FREEZE_FAILED");
        expect(state.sets["app"]?.evidence.reason).to.equal("GROUP_FAILED");
        assert.sameMembers(Object.keys(state.sets), NAMES);
    });

    it("is no point in time when one was not held to the end", async () => {
        const host = group.scene("app").host;
        host.writeHooks({ post: "exit 205" });
        const { state, error } = await group.create({ minimumLevel: "crash" });
        assert.equal(state?.consistencyLevel, "crash", error?.message);
        assert.isFalse(state?.samePoint);
        assert.equal(state.sets["db"]?.consistencyLevel, "application");
        assert.equal(state.sets["app"]?.evidence.reason, "HOLD_LOST");
        host.exec(`rm -f ${host.frozenPath}`);
    });

    it("fails with the one that stays frozen, and the next run thaws it", async () => {
        const { host } = group.scene("app");
        host.writeHooks({ post: "exit 1" });
        const before = await group.create();
        assert.match(before.error?.message ?? "", /THAW_PENDING: Member app/);
        assert.isTrue(before.error?.properties?.thawPending);
        assert.isTrue(host.frozen);
        host.writeHooks();
        const after = await group.update(before);
        assert.isFalse(after.state?.thawPending, after.error?.message);
        assert.isFalse(host.frozen);
    });

    it("changes tags, sees what is lost, and is deleted as a whole", async () => {
        const before = await group.create({ tags: { Name: "one" } });
        const after = await group.update(before, { tags: { Name: "two" } });
        const db = group.scene("db");
        const [first] = await group.cloud.snapshots(db.instance);
        assert.equal(first?.tags["Name"], "two", after.error?.message);
        const lost = after.state?.sets["db"]?.snapshotIds[0] ?? "";
        await group.cloud.deleteSnapshots([lost]);
        const { props } = await group.read(after);
        assert.deepEqual(props.sets["db"]?.lost, [`${lost} was deleted`]);
        assert.deepEqual(props.sets["app"]?.lost, []);
        assert.equal(props.consistencyLevel, "crash", "a part of it proves nothing");
        assert.equal(props.sets["db"]?.evidence.takenLevel, after.state?.sets["db"]?.consistencyLevel);
        await group.remove(after);
        for (const name of NAMES) {
            assert.deepEqual(await group.cloud.snapshots(group.scene(name).instance), []);
        }
    });
});
