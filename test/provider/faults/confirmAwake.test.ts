import { assert } from "chai";
import { tagKeys } from "../../../provider/aws/tags";
import { type Changes, type Outcome, Scene, initError, plainError, stateOf } from "../../../lab/scenes/scene";
import { needsRoot, startSshHost } from "../../../lab/hosts/sshHost";

const FAILS = "exit 1";
const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];
const ANOTHER = "acs-00000000-0000-4000-8000-000000000000";

describe("confirmAwake: the user's word that an instance is awake", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    /** Leaves the host frozen, with a set or without one; then somebody thaws it by hand. */
    async function thawedByHand(bodies: { pre?: string } = {}, changes: Changes = {}): Promise<Outcome> {
        scene.host.writeHooks({ ...bodies, post: FAILS });
        const pending = await scene.create(changes);
        assert.match(initError(pending).message, new RegExp(`confirmAwake: "${pending.id}"`));
        scene.host.exec(`rm ${scene.host.frozenPath}`);
        return pending;
    }

    it("heals without running anything, removes the marker, and says so", async () => {
        const pending = await thawedByHand();
        assert.isNotEmpty(scene.host.stateLeft);
        const healed = await scene.update(pending, { confirmAwake: pending.id });
        assert.isFalse(stateOf(healed).thawPending);
        assert.deepEqual(healed.events, []);
        assert.deepEqual(scene.host.stateLeft, []);
        assert.match(
            healed.lines.join("\n"),
            new RegExp(`warning: confirmAwake: i-\\w+ counts as awake after ${pending.id}; .*was not run`),
        );
        assert.deepEqual(scene.diff(healed, { confirmAwake: pending.id }), { changes: false, replaces: [] });
        // Left in the program it does nothing more.
        scene.host.writeHooks();
        assert.deepEqual((await scene.create({ confirmAwake: pending.id })).events, FROZEN_AND_THAWED);
    });

    it("of another execution does nothing", async () => {
        const pending = await thawedByHand();
        const still = await scene.update(pending, { confirmAwake: ANOTHER });
        assert.match(initError(still).message, /^THAW_PENDING /);
        scene.host.writeHooks();
        assert.isFalse(stateOf(await scene.update(still)).thawPending);
    });

    it("heals where the host cannot be reached, and says that the marker stays", async () => {
        const pending = await thawedByHand();
        const gone = await startSshHost();
        await gone.stop();
        const healed = await scene.update(pending, {
            confirmAwake: pending.id,
            connection: { port: gone.port },
            timeouts: { connect: 1 },
        });
        assert.isFalse(stateOf(healed).thawPending);
        assert.match(healed.lines.join("\n"), /warning: confirmAwake: .*its marker stays on the host/);

        // A later run finds it, and is told the same.
        scene.host.writeHooks();
        const next = await scene.create({ confirmAwake: pending.id });
        assert.equal(stateOf(next).consistencyLevel, "application");
        assert.deepEqual(next.events, FROZEN_AND_THAWED);
        assert.match(next.lines.join("\n"), /warning: confirmAwake: the marker of acs-\S+ is removed/);
        assert.notInclude(next.lines.join("\n"), "STALE_FREEZE");
    });

    it("heals before a replacement, where there was no set", async () => {
        const pending = await thawedByHand({ pre: FAILS });
        scene.host.writeHooks();
        const { owner } = pending.inputs;
        scene.diff(pending);
        const replacement = await scene.create({ owner, confirmAwake: pending.id });
        assert.equal(stateOf(replacement).consistencyLevel, "application");
        assert.deepEqual(replacement.events, FROZEN_AND_THAWED);
        assert.isUndefined((await scene.remove(pending)).error);
    });

    it("counts for what another resource has left on the host, and lets that be deleted", async () => {
        const pending = await thawedByHand();
        const refused = await scene.create();
        assert.match(plainError(refused).message, /^PRECONDITION_FAILED .*\[STALE_FREEZE\]/);
        assert.match(plainError(refused).message, new RegExp(`confirmAwake: "${pending.id}"`));

        scene.host.writeHooks();
        const next = await scene.create({ confirmAwake: pending.id });
        assert.deepEqual(stateOf(next).healed, [pending.id]);
        assert.deepEqual(next.events, FROZEN_AND_THAWED);
        const tagged = (await scene.cloud.snapshots(scene.instance)).filter(
            ({ tags }) => tags[tagKeys.healed] === pending.id,
        );
        assert.sameMembers(
            tagged.map(({ snapshotId }) => snapshotId),
            [...stateOf(next).snapshotIds],
        );
        assert.isUndefined((await scene.remove(pending)).error);
    });
});
