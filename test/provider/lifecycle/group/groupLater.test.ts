import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { CapturedLog } from "../../../../lab/capturedLog";
import { timing } from "../../../../provider/base/timing";
import { tagKeys } from "../../../../provider/aws/tags";
import { needsRoot } from "../../../../lab/hosts/sshHost";
import { type GroupOutcome, GroupScene } from "../../../../lab/scenes/groupScene";
import { Scene } from "../../../../lab/scenes/scene";

const LONG_MS = 600_000;

/** From the moment on at which all are awake: what is kept, what is told, and what later verbs make of it. */
describe("a group whose sets are taken", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    let group: GroupScene;

    before(async function () {
        needsRoot(this);
        group = await GroupScene.start("db", "app");
    });
    beforeEach(() => Object.assign(timing, { visibleMs: 3_000 }));
    afterEach(async () => {
        Object.assign(timing, usual);
        await group.afterEach();
    });
    after(() => Scene.stopAll());

    const instance = (name: string) => group.scene(name).instance;
    const host = (name: string) => group.scene(name).host;
    const snapshotsOf = (name: string) => group.cloud.snapshots(instance(name));
    const idsOf = async (name: string) => (await snapshotsOf(name)).map(({ snapshotId }) => snapshotId);
    const statesOf = async (name: string) => (await snapshotsOf(name)).map(({ tags }) => tags[tagKeys.state]);
    const pendingFor = (name: string, durationMs: number) =>
        group.cloud.configureSnapshots({ durationMs }, instance(name).instanceId);

    /** Begins a create, and waits until the set of `app` was looked at so often that the one of `db` is done with. */
    async function untilAppIsWaitedFor(): Promise<{ creating: Promise<GroupOutcome> }> {
        await pendingFor("app", LONG_MS);
        const taken = await group.cloud.fault(
            "CreateSnapshots",
            { kind: "delay", phase: "after", ms: 0 },
            { resource: instance("app").instanceId },
        );
        const creating = group.create();
        await taken.reached();
        const [resource = ""] = await idsOf("app");
        const looks = await group.cloud.fault(
            "DescribeSnapshots",
            { kind: "delay", ms: 0 },
            { resource, times: 3 },
        );
        await looks.reached({ count: 3 });
        return { creating };
    }

    function failed({ error, state }: GroupOutcome): string {
        assert.isUndefined(state);
        return error?.message ?? assert.fail("it succeeded");
    }

    it("is recorded as complete only when all sets are: one that is killed before leaves none that stays for ever", async () => {
        const { creating } = await untilAppIsWaitedFor();
        assert.sameMembers([...new Set(await statesOf("db"))], ["in-progress"]);
        await group.cloud.completeSnapshots(await idsOf("app"));
        const { state, error } = await creating;
        assert.isTrue(state?.samePoint, error?.message);
        for (const name of ["db", "app"]) {
            assert.sameMembers([...new Set(await statesOf(name))], ["complete"]);
        }
    });

    it("is not kept when a snapshot of one fails: the set of the other one is deleted, too", async () => {
        const { creating } = await untilAppIsWaitedFor();
        await group.cloud.failSnapshots((await idsOf("app")).slice(0, 1));
        const outcome = await creating;
        assert.match(failed(outcome), /^SNAPSHOT_FAILED: Member app \(i-\w+\), SNAPSHOT_FAILED/);
        assert.isUndefined(outcome.error?.properties);
        assert.match(failed(outcome), /db: the instance is awake; the set is deleted\./);
    });

    it("is told at once that one may still be frozen, however long the other set takes", async () => {
        await pendingFor("db", LONG_MS);
        host("app").writeHooks({ post: "exit 1" });
        const before = await group.create();
        assert.match(failed(before), /^THAW_PENDING: Member app/);
        assert.match(failed(before), /db: the instance is awake; the set snap-.* is kept\./);
        const { sets, thawPending } = group.stateAfter(before);
        assert.isTrue(thawPending);
        assert.isTrue(sets["db"]?.unfinished);
        assert.deepEqual(group.diff(before, { triggers: ["more"] }), { changes: true, replaces: [] });

        host("app").writeHooks();
        await group.cloud.completeSnapshots(await idsOf("db"));
        const after = await group.update(before);
        assert.isFalse(after.state?.thawPending, after.error?.message);
        assert.isFalse(host("app").frozen);
        assert.isFalse(after.state.sets["db"]?.unfinished);
        assert.equal(after.state.sets["db"].evidence.completion, "completed");
        assert.isTrue(after.state.samePoint, "app was asked before its post-thaw failed");
    });

    it("goes on waiting for what is pending, and takes nothing new", async () => {
        await pendingFor("app", LONG_MS);
        const before = await group.create({ timeouts: { completion: 1 } });
        assert.match(failed(before), /^COMPLETION_PENDING: Member app/);
        assert.deepEqual(group.diff(before), { changes: true, replaces: [] });
        await group.cloud.completeSnapshots(await idsOf("app"));
        const after = await group.update(before);
        assert.isTrue(after.state?.samePoint, after.error?.message);
        assert.deepEqual(
            Object.values(after.state.sets).map(({ unfinished }) => unfinished),
            [false, false],
        );
        assert.deepEqual(group.diff(after), { changes: false, replaces: [] });
    });

    it("proves no point any more when a snapshot of one fails later", async () => {
        await pendingFor("app", LONG_MS);
        const before = await group.create({ timeouts: { completion: 1 } });
        await group.cloud.failSnapshots((await idsOf("app")).slice(0, 1));
        const after = await group.update(before);
        assert.match(failed(after), /^SNAPSHOT_FAILED: Member app/);
        const { samePoint, consistencyLevel } = group.stateAfter(after);
        assert.deepEqual({ samePoint, consistencyLevel }, { samePoint: false, consistencyLevel: "crash" });
        assert.deepEqual(group.diff(after).replaces, ["members"]);
    });

    it("is not forgotten by a refresh while one may still be frozen, though all snapshots are gone", async () => {
        host("app").writeHooks({ post: "exit 1" });
        const before = await group.create();
        await group.cloud.deleteSnapshots([...(await idsOf("db")), ...(await idsOf("app"))]);
        const { id, props } = await group.read(before);
        assert.equal(id, before.id);
        assert.isTrue(props.sets["app"]?.thawPending);
        host("app").writeHooks();
        const after = await group.update({ ...before, error: undefined, state: props });
        assert.isFalse(group.stateAfter(after).thawPending, after.error?.message);
        assert.isFalse(host("app").frozen);
        assert.deepEqual(group.diff(after).replaces, ["members"]);
        await group.remove(after);
    });

    it("cannot be deleted while one may still be frozen, and nothing of it is; its next `up` thaws it", async () => {
        host("app").writeHooks({ post: "exit 1" });
        const before = await group.create();
        const error = await group.remove(before).then(
            () => assert.fail("it was deleted"),
            (thrown: unknown) => thrown as Error,
        );
        assert.match(error.message, /THAW_PENDING: Member app .*nothing was deleted/);
        assert.isNotEmpty(await idsOf("db"));
        host("app").writeHooks();
        const after = await group.update(before);
        assert.isFalse(after.state?.thawPending, after.error?.message);
    });

    it("wakes each that it can before it takes new sets, though another one cannot be", async () => {
        for (const name of ["db", "app"]) {
            host(name).writeHooks({ pre: name === "db" ? "" : "exit 7", post: "exit 1" });
        }
        const before = await group.create();
        assert.sameMembers(Object.keys(group.stateAfter(before).sets), ["db", "app"]);
        assert.deepEqual(group.diff(before).replaces, ["members"]);
        // The first one by order stays as it is.
        host("app").writeHooks();
        const still = await group.create();
        assert.match(failed(still), /^THAW_PENDING: Member db/);
        assert.notMatch(failed(still), /Member app/);
        assert.isFalse(host("app").frozen);

        host("db").writeHooks();
        group.diff(before);
        const after = await group.create();
        assert.isTrue(after.state?.samePoint, after.error?.message);
        await group.remove(before);
    });

    it("believes that one which has left the group is awake, when the user says so", async () => {
        host("app").writeHooks({ post: "exit 1" });
        const before = await group.create();
        const executionId = group.stateAfter(before).sets["app"]?.evidence.executionId ?? "";
        const gone = { ...group.inputs(), confirmAwake: executionId };
        const { app, ...members } = gone.members;
        const refused = await group.updateWith(before, { ...gone, members, confirmAwake: "acs-another" });
        assert.match(failed(refused), /^THAW_PENDING: Member app/);
        const after = await group.updateWith(before, { ...gone, members });
        assert.isFalse(after.state?.thawPending, after.error?.message);
        host("app").exec(`rm -rf ${host("app").frozenPath} ${host("app").guardDirectory}`);
    });

    it("is found again by its id alone, as what its tags prove", async () => {
        const made = await group.create();
        const { id, props } = await group.find(made.id);
        assert.equal(id, made.id);
        assert.deepInclude(props, {
            samePoint: true,
            consistencyLevel: "application",
            thawPending: false,
            evidence: {},
        });
        for (const name of ["db", "app"]) {
            const { snapshotIds, consistencyLevel, instance: facts } = made.state?.sets[name] ?? {};
            const found = props.sets[name];
            assert.sameMembers([...(found?.snapshotIds ?? [])], [...(snapshotIds ?? [])]);
            assert.equal(found?.consistencyLevel, consistencyLevel);
            assert.equal(found?.instance.instanceId, facts?.instanceId);
            assert.equal(found?.evidence.executionId, made.state?.sets[name]?.evidence.executionId);
        }
        const [lost = ""] = await idsOf("app");
        await group.cloud.deleteSnapshots([lost]);
        const partly = (await group.find(made.id)).props;
        assert.deepInclude(partly, { samePoint: false, consistencyLevel: "crash" });
        assert.equal(partly.sets["app"]?.evidence.reason, "SNAPSHOT_LOST");
        await group.cloud.deleteSnapshots(await idsOf("app"));
        const log = new CapturedLog();
        const half = await group.find(made.id).finally(() => log.restore());
        assert.deepInclude(half.props, { samePoint: false, consistencyLevel: "crash" });
        assert.deepEqual(Object.keys(half.props.sets), ["db"]);
        assert.match(log.lines.join(), /warning: of the 2 sets of acs-\S+ there are only those of db/);
        await group.remove(made);
        const error = await group.find(made.id).then(
            () => assert.fail("it was found"),
            (thrown: unknown) => thrown as Error,
        );
        assert.match(error.message, /^INVALID_INPUT: There are no sets of a group with the id acs-/);
    });

    it("is not found as one of a point, and not as more than crash, when it was not held", async () => {
        host("app").writeHooks({ pre: "exit 7" });
        const made = await group.create({ minimumLevel: "crash" });
        const { props } = await group.find(made.id);
        assert.deepInclude(props, { samePoint: false, consistencyLevel: "crash" });
    });

    it("leaves no set of a killed run behind, of one that has left the group either", async () => {
        const left = await group.create();
        const known = await group.create({ triggers: ["known"] });
        const [ofDb, ofApp] = ["db", "app"].map((name) => left.state?.sets[name]?.snapshotIds ?? []);
        const ec2 = new EC2Client(group.cloud.clientConfig());
        const Tags = [
            { Key: tagKeys.state, Value: "in-progress" },
            { Key: tagKeys.lease, Value: new Date(Date.now() - 3_600_000).toISOString() },
        ];
        // As a run that was killed an hour ago has left it; and one that is in the stack, interrupted.
        const known_ = Object.values(known.state?.sets ?? {}).flatMap(({ snapshotIds }) => snapshotIds);
        await ec2.send(
            new CreateTagsCommand({ Resources: [...(ofDb ?? []), ...(ofApp ?? []), ...known_], Tags }),
        );
        ec2.destroy();
        group.forget(left);
        const web = await Scene.start();
        const { app, ...members } = group.inputs().members;
        const { instanceId, quiesce } = web.inputs();
        const inputs = { ...group.inputs(), members: { ...members, web: { instanceId, quiesce } } };
        group.diffWith(known, inputs);
        const next = await group.createWith(inputs);
        assert.isTrue(next.state?.samePoint, next.error?.message);
        const there = [...(await idsOf("db")), ...(await idsOf("app"))];
        assert.notIncludeMembers(there, [...(ofDb ?? [])]);
        assert.deepEqual(
            there.filter((id) => ofApp?.includes(id)),
            [],
            "of the member that has left",
        );
        assert.includeMembers(there, known_, "what the stack knows");
        await group.remove(next);
        await web.stop();
    });
});
