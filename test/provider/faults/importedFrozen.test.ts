import { assert } from "chai";
import { type Changes, type Outcome, Scene, initError, stateOf } from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";
import { clientsFor } from "../../../provider/aws/clients";
import { tagKeys } from "../../../provider/aws/tags";
import { importSet } from "../../../provider/lifecycle/importSet";

/** What the stack never heard of: its run was killed when it had told EC2, and before it could tell the engine. */
describe("a set of a frozen instance that is imported", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    async function imported(changes: Changes = {}): Promise<Outcome> {
        scene.host.writeHooks({ post: "exit 1" });
        const pending = await scene.create(changes);
        assert.match(initError(pending).message, /^THAW_PENDING/);
        const { state } = await importSet(await clientsFor(), pending.id, AbortSignal.timeout(60_000));
        return {
            ...pending,
            error: undefined,
            state: { ...state, instanceId: pending.inputs.instanceId },
        };
    }

    const thawTags = async () =>
        (await scene.cloud.snapshots(scene.instance)).map(({ tags }) => tags[tagKeys.thaw]);

    it("is known to be so, by its tags, and is thawed before anything else", async () => {
        const set = await imported();
        assert.include(set.state, { thawPending: true, consistencyLevel: "application" });
        scene.host.writeHooks();
        const healed = await scene.update(set);
        assert.deepInclude(stateOf(healed), { thawPending: false, consistencyLevel: "application" });
        assert.isUndefined(stateOf(healed).adopted);
        assert.deepEqual(healed.events, ["post thaw", "thawed thaw"]);
        assert.deepEqual(scene.host.stateLeft, []);
        assert.deepEqual([...new Set(await thawTags())], ["done"]);
    });

    it("is known to be so with as many tags as a user may set", async () => {
        const tags = Object.fromEntries(Array.from({ length: 43 }, (_, n) => [`k${n}`, "v"]));
        const set = await imported({ tags });
        assert.include(set.state, { thawPending: true, recorded: true, consistencyLevel: "application" });
        for (const snapshot of await scene.cloud.snapshots(scene.instance)) {
            assert.include(snapshot.tags, {
                ...tags,
                [tagKeys.state]: "complete",
                [tagKeys.thaw]: "pending",
            });
        }
        scene.host.writeHooks();
        assert.isFalse(stateOf(await scene.update(set)).thawPending);
    });

    it("stays so while it cannot be thawed, without a word of what pre-freeze said", async () => {
        const set = await imported();
        const still = await scene.update(set);
        assert.match(initError(still).message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
        assert.notMatch(initError(still).message, /never said/);
        assert.include(still.error?.properties, { thawPending: true, adopted: true });
        scene.host.writeHooks();
        assert.isFalse(stateOf(await scene.update(still)).thawPending);
    });
});
