import { assert } from "chai";
import type { GroupInputs } from "../../../../provider/inputs/inputs";
import { CapturedLog } from "../../../../lab/capturedLog";
import { needsRoot } from "../../../../lab/hosts/sshHost";
import { type GroupOutcome, GroupScene } from "../../../../lab/scenes/groupScene";
import { create, remove } from "../../../../lab/scenes/lifecycle";
import { Scene } from "../../../../lab/scenes/scene";

const NAMES = ["db", "app"];

/** As two stacks, or two resources of one, that have no `dependsOn`. */
describe("servers that several runs want at the same time", function () {
    this.timeout(180_000);
    let group: GroupScene;

    before(async function () {
        needsRoot(this);
        group = await GroupScene.start(...NAMES);
    });
    afterEach(() => group.afterEach());
    after(() => Scene.stopAll());

    const inputs = (name: string, lock: number, reversed = false): GroupInputs => {
        const usual = group.inputs();
        const members = Object.entries(usual.members);
        return {
            ...usual,
            owner: `${usual.owner ?? ""}-${name}`,
            timeouts: { ...usual.timeouts, lock },
            members: Object.fromEntries(reversed ? members.reverse() : members),
        };
    };
    const both = (lock: number): Promise<GroupOutcome[]> =>
        Promise.all([group.createWith(inputs("one", lock)), group.createWith(inputs("other", lock, true))]);

    it("are taken by two groups one after the other, in whatever order these have them", async () => {
        const outcomes = await both(90);
        for (const { state, error } of outcomes) {
            assert.isTrue(state?.samePoint, error?.message);
        }
    });

    it("are left as they are by a group that is not to wait", async () => {
        const gate = await group.cloud.gate("CreateSnapshots", {
            resource: group.scene("app").instance.instanceId,
        });
        const first = group.createWith(inputs("one", 0));
        await gate.reached();
        const second = await group.createWith(inputs("other", 0, true));
        assert.match(second.error?.message ?? "", /^PRECONDITION_FAILED: .*HOST_BUSY/);
        assert.isUndefined(second.error?.properties);
        await gate.release();
        const { state, error } = await first;
        assert.isTrue(state?.samePoint, error?.message);
    });

    it("are taken by a group and by a single resource of one of them", async () => {
        const { instanceId, quiesce } = group.scene("app").inputs();
        const single = { instanceId, quiesce, owner: "urn:of-a-single-one", timeouts: { lock: 90 } };
        const log = new CapturedLog();
        const [grouped, alone] = await Promise.all([
            group.createWith(inputs("one", 90)),
            create(single),
        ]).finally(() => log.restore());
        assert.isTrue(grouped.state?.samePoint, grouped.error?.message);
        assert.equal(alone.outs.consistencyLevel, "application");
        await remove(alone.id, alone.outs);
    });
});
