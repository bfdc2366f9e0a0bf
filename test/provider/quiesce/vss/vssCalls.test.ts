import { assert } from "chai";
import { type VssOutcome, WindowsScene, stateOf } from "../../../../lab/scenes/windowsScene";

/** What is asked until the answer changes; how often depends on time. */
const POLLED = new Set(["GetCommandInvocation"]);

/** `tools/vssFigures.ts` prints them all, and the time. */
describe("requests to AWS for a snapshot by VSS", function () {
    this.timeout(60_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    function counted(outcome: VssOutcome): Record<string, number> {
        stateOf(outcome);
        const counts: Record<string, number> = {};
        for (const { operation, byInstance } of outcome.calls) {
            if (!byInstance && !POLLED.has(operation)) {
                counts[operation] = (counts[operation] ?? 0) + 1;
            }
        }
        return counts;
    }

    const always = {
        GetCallerIdentity: 1,
        DescribeInstances: 1,
        DescribeVolumes: 1,
        DescribeInstanceInformation: 1,
        CreateTags: 1,
        // Earlier sets: before, and after.
        DescribeImages: 2,
    };

    it("are few when the components are there", async () => {
        await scene.install("2.5.1");
        const { DescribeSnapshots: looks = 0, ...counts } = counted(await scene.create());
        assert.deepEqual(counts, { ...always, ListCommands: 4, SendCommand: 2 });
        assert.isAtMost(looks, 8);
    });

    it("are few more when they are not", async () => {
        const { DescribeSnapshots: looks = 0, ...counts } = counted(await scene.create());
        assert.deepEqual(counts, { ...always, ListCommands: 8, SendCommand: 4 });
        assert.isAtMost(looks, 8);
    });

    it("have no dry run that the caller has no use for", async () => {
        const outcome = await scene.create();
        assert.isEmpty(outcome.calls.filter(({ dryRun }) => dryRun));
    });
});
