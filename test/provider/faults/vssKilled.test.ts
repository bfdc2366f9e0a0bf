import { assert } from "chai";
import { timing } from "../../../provider/base/timing";
import { type VssOutcome, WindowsScene, stateOf } from "../../../lab/scenes/windowsScene";

const WITH_IMAGE = { quiesce: { createImage: true } } as const;

/**
 * What changes something: commands are sent (look, install, snapshot, remove), image and snapshots are tagged. A request
 * whose sender is killed before the answer is carried out all the same.
 */
const STEPS = [
    ...[0, 1, 2, 3].map((skip) => step("SendCommand", skip)),
    step("GetCommandInvocation", 0),
    step("CreateTags", 0),
];
const MARKED_COMPLETE = step("CreateTags", 1);

interface Step {
    readonly operation: string;
    /** So many of the same come before it. */
    readonly skip: number;
}

function step(operation: string, skip: number): Step {
    return { operation, skip };
}

/** A real process, a real SIGKILL. Windows thaws by itself: VSS's freeze ends with its document, or after 10 s. */
describe("a run of VSS whose process is killed", function () {
    this.timeout(120_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    /** Kills a run there; the next one, of the same resource, comes much later. */
    const createAfterKilling = async ({ operation, skip }: Step): Promise<VssOutcome> => {
        const match = { skip, phase: "after", dryRun: null, accessKeyId: scene.cloud.accessKeyId } as const;
        const gate = await scene.cloud.gate(operation, match);
        const { owner } = await scene.createKilled(() => gate.reached({ limitMs: 60_000 }), WITH_IMAGE);
        await gate.release();
        await scene.ssm.allEnded();
        await scene.cloud.reset();
        // The run that was killed is not taken for a living one any more, and its lease has run out.
        timing.betweenCommandsMs = 0;
        await scene.outliveLeases();
        return await scene.create({ ...WITH_IMAGE, owner });
    };

    for (const killed of STEPS) {
        it(`after ${killed.operation} ${killed.skip + 1}: the next run succeeds, and leaves nothing of it`, async () => {
            const next = stateOf(await createAfterKilling(killed));
            assert.equal(next.consistencyLevel, "application");
            assert.equal(next.evidence.cleanup, "done");
        });
    }

    it("after it has marked its set as complete: the next run names the set, and leaves it alone", async () => {
        const outcome = await createAfterKilling(MARKED_COMPLETE);
        const next = stateOf(outcome);
        const named = /its earlier set acs-\S+ \(ami-\w+, (snap-[^)]*)\)/.exec(outcome.lines.join("\n"));
        const earlier = (named?.[1] ?? "").split(", ");
        const found = (await scene.cloud.snapshots(scene.instance)).map(({ snapshotId }) => snapshotId);
        assert.sameMembers(found, [...next.snapshotIds, ...earlier]);
        const images = (await scene.images()).map(({ imageId }) => imageId);
        for (const imageId of images.filter((one) => one !== next.imageId)) {
            await scene.deregister(imageId);
        }
        await scene.cloud.deleteSnapshots(earlier);
    });
});
