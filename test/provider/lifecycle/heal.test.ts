import { assert } from "chai";
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

const FAILS = "exit 1";
const THAWED = ["post thaw", "thawed thaw"];
const FROZEN_AND_THAWED = ["pre freeze", ...THAWED];
const REFUSED = /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN; nothing was deleted/;

/** The engine's order of calls is in the names: `diff` is not called for `--replace`, `delete` may come first. */
describe("an instance that may still be frozen", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    /** Leaves the host frozen, with a set. */
    async function withSet(changes: Changes = {}): Promise<Outcome> {
        scene.host.writeHooks({ post: FAILS });
        const pending = await scene.create(changes);
        assert.lengthOf(initError(pending).properties.snapshotIds, 3);
        assert.isTrue(scene.host.frozen);
        return pending;
    }

    /** Leaves the host frozen, without a set. */
    async function withoutSet(): Promise<Outcome> {
        scene.host.writeHooks({ pre: FAILS, post: FAILS });
        const pending = await scene.create();
        assert.isTrue(initError(pending).properties.thawPending);
        assert.deepEqual(initError(pending).properties.snapshotIds, []);
        return pending;
    }

    const replacing = (pending: Outcome, changes: Changes = {}) =>
        scene.create({ owner: pending.inputs.owner, ...changes });

    async function assertRefused(pending: Outcome): Promise<void> {
        const refused = await scene.remove(pending);
        assert.match(plainError(refused).message, REFUSED);
        assert.deepEqual(refused.events, []);
        const left = (await scene.cloud.snapshots(scene.instance)).map(({ snapshotId }) => snapshotId);
        assert.includeMembers(left, [...initError(pending).properties.snapshotIds]);
    }

    describe("delete", () => {
        it("is refused, with and without a set, until an update has healed", async () => {
            const pending = await withSet();
            await assertRefused(pending);
            scene.host.writeHooks();
            const healed = await scene.update(pending);
            assert.isFalse(stateOf(healed).thawPending);
            assert.isUndefined((await scene.remove(healed)).error);
            assert.isEmpty(await scene.cloud.snapshots(scene.instance));

            const empty = await withoutSet();
            await assertRefused(empty);
            scene.host.writeHooks();
            stateOf(await replacing(empty));
        });
    });

    describe("diff, create, delete: a replacement", () => {
        it("is healed by create, over its own connection, before anything is asked of EC2", async () => {
            const pending = await withoutSet();
            scene.host.writeHooks();
            assert.deepEqual(scene.diff(pending).replaces, ["snapshotIds"]);
            const replacement = await replacing(pending);
            assert.equal(stateOf(replacement).consistencyLevel, "application");
            assert.deepEqual(replacement.events, [...THAWED, ...FROZEN_AND_THAWED]);
            const said = replacement.lines.join("\n");
            assert.match(said, /: i-\w+ is awake$/m);
            assert.notMatch(said, /STALE_FREEZE|had left frozen/, "the guard found nothing to do");
            assert.isUndefined((await scene.remove(pending)).error);
        });
    });

    describe("create, delete, without diff: --replace", () => {
        it("is healed by the guard, which names whom it thawed after", async () => {
            for (const leavePending of [withSet, withoutSet]) {
                const pending = await leavePending();
                scene.host.writeHooks();
                const replacement = await replacing(pending);
                assert.equal(stateOf(replacement).consistencyLevel, "application");
                assert.include(replacement.lines.join("\n"), "had left frozen");
                assert.deepEqual(replacement.events.slice(-3), FROZEN_AND_THAWED);
            }
        });

        it("may be deleted then, and only the one that was thawed", async () => {
            const pending = await withSet();
            scene.host.writeHooks();
            const replacement = await replacing(pending);
            assert.include(replacement.lines.join("\n"), `thawed what ${pending.id} had left frozen`);
            const other = { ...pending, id: "acs-00000000-0000-4000-8000-000000000000" };
            assert.match(plainError(await scene.remove(other)).message, REFUSED);
            assert.isUndefined((await scene.remove(pending)).error);
            const left = (await scene.cloud.snapshots(scene.instance)).map(({ snapshotId }) => snapshotId);
            assert.sameMembers(left, [...stateOf(replacement).snapshotIds]);
        });

        it("is not forgotten when the new way does not lead to the host", async () => {
            const pending = await withSet();
            scene.host.writeHooks();
            const replacement = await replacing(pending, { quiesce: { method: "none" } });
            assert.equal(stateOf(replacement).consistencyLevel, "crash");
            assert.isTrue(scene.host.frozen);
            await assertRefused(pending);
            assert.isFalse(stateOf(await scene.update(pending)).thawPending);
        });
    });

    describe("diff, delete, create: deleteBeforeReplace", () => {
        it("is healed by delete, by the inputs that diff saw", async () => {
            const pending = await withoutSet();
            scene.host.writeHooks();
            scene.diff(pending);
            const removed = await scene.remove(pending);
            assert.isUndefined(removed.error);
            assert.deepEqual(removed.events, THAWED);
            const replacement = await replacing(pending);
            assert.equal(stateOf(replacement).consistencyLevel, "application");
            assert.deepEqual(replacement.events, FROZEN_AND_THAWED);
        });

        it("is refused when it cannot be healed, and stays as it was", async () => {
            const pending = await withSet();
            scene.diff(pending, { quiesce: { method: "none" } });
            const refused = await scene.remove(pending);
            assert.match(plainError(refused).message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
            assert.lengthOf(await scene.cloud.snapshots(scene.instance), 3);
            scene.host.writeHooks();
            assert.isFalse(stateOf(await scene.update(pending)).thawPending);
        });
    });

    describe("update", () => {
        const before: Changes = { triggers: ["mon"], tags: { a: "1" } };
        const after: Changes = { triggers: ["tue"], tags: { a: "2" } };

        it("that cannot heal saves what there was: neither triggers nor tags", async () => {
            const pending = await withSet(before);
            const still = await scene.update(pending, after);
            const { properties } = initError(still);
            assert.deepEqual(properties, initError(pending).properties);
            assert.deepInclude(properties, before as never);
            for (const { tags } of await scene.cloud.snapshots(scene.instance)) {
                assert.include(tags, { a: "1" });
            }
            scene.host.writeHooks();
            stateOf(await scene.update(still, before));
        });

        it("that heals changes the tags, and says that a new set is due: triggers stay those of the set", async () => {
            const pending = await withSet(before);
            scene.host.writeHooks();
            assert.deepEqual(scene.diff(pending, after), { changes: true, replaces: [] });
            const healed = await scene.update(pending, after);
            const state = stateOf(healed);
            assert.deepInclude(state, { thawPending: false, triggers: ["mon"], tags: { a: "2" } } as never);
            assert.deepEqual(setRequests(healed), []);
            assert.match(
                healed.lines.at(-1) ?? "",
                /warning: triggers changed, too: run `pulumi up` again to take a new set$/,
            );
            assert.deepEqual(scene.diff(healed, after), { changes: true, replaces: ["triggers"] });
        });

        it("that heals and changes nothing else says nothing of a new set", async () => {
            const pending = await withSet(before);
            scene.host.writeHooks();
            const healed = await scene.update(pending, before);
            stateOf(healed);
            assert.notMatch(healed.lines.join("\n"), /changed, too/);
        });
    });
});
