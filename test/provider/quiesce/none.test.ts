import { assert } from "chai";
import { none } from "../../../provider/quiesce/none";
import { Scene, initError, setRequests, stateOf } from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";
import { describeQuiescer } from "./quiescerSuite";

describeQuiescer("none", () => ({
    make: () => none(),
    frozen: () => false,
    assertClean: () => Promise.resolve(),
    vouchedLevel: "crash",
    reserves: true,
    holds: false,
}));

describe("a snapshot without quiescing", function () {
    this.timeout(60_000);
    const quiesce = { method: "none" } as const;
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    it("is crash-consistent, and does not go near the host", async () => {
        const outcome = await scene.create({ quiesce });
        const { consistencyLevel, evidence, snapshotIds, thawPending } = stateOf(outcome);
        assert.equal(consistencyLevel, "crash");
        assert.equal(evidence.method, "none");
        assert.equal(evidence.vouchedBy, "nobody");
        assert.isFalse(evidence.held);
        assert.isUndefined(evidence.reason);
        assert.equal(evidence.cleanup, "nothingToDo");
        assert.lengthOf(snapshotIds, 3);
        assert.isFalse(thawPending);
        assert.deepEqual(outcome.events, []);
        assert.notInclude(scene.host.log, "Accepted");
    });

    it("is taken of a stopped instance too, and says that it was stopped", async () => {
        await scene.cloud.setInstanceState(scene.instance.instanceId, "stopped");
        try {
            const { consistencyLevel, evidence } = stateOf(await scene.create({ quiesce }));
            assert.equal(consistencyLevel, "crash");
            assert.equal(evidence.reason, "STOPPED");
        } finally {
            await scene.cloud.setInstanceState(scene.instance.instanceId, "running");
        }
    });

    it("goes on waiting in the next run", async () => {
        await scene.cloud.configureSnapshots({ durationMs: 3_000 }, scene.instance.instanceId);
        const first = await scene.create({ quiesce, timeouts: { completion: 1 } });
        assert.match(initError(first).message, /^COMPLETION_PENDING /);
        const second = await scene.update(first, { quiesce });
        assert.equal(stateOf(second).evidence.completion, "completed");
        assert.deepEqual(setRequests(second), []);
    });
});
