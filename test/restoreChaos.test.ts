import { assert } from "chai";
import { needsRoot } from "../lab/hosts/sshHost";
import { timing } from "../provider/base/timing";
import { RestoreChaosLab } from "../tools/restoreChaos/lab";
import { BLOWS, COPIES, describe as describePlan, planOf } from "../tools/restoreChaos/plan";
import { runRestoreSeed } from "../tools/restoreChaos/run";

/** Below the engine: one that is killed, one that the copy fails, one whose cloud fails. */
const SEEDS = [1, 41, 15];

describe("chaos over restore tests", function () {
    this.timeout(300_000);

    it("does the same for the same seed, and everything in 2,000", () => {
        const plans = Array.from({ length: 2_000 }, (_, seed) => planOf(seed));
        assert.deepEqual(
            plans,
            plans.map(({ seed }) => planOf(seed)),
        );
        const blows = plans.map(({ fault }) => (fault.kind === "moment" ? fault.what : fault.kind));
        assert.includeMembers(blows, [...BLOWS, "cloud", "late"]);
        assert.includeMembers(
            plans.map(({ copy }) => copy),
            [...COPIES],
        );
    });

    describe("by the provider's process", () => {
        const usual = { ...timing };
        let lab: RestoreChaosLab | undefined;

        before(async function () {
            needsRoot(this);
            lab = await RestoreChaosLab.start();
        });
        after(async () => {
            await lab?.stop();
            Object.assign(timing, usual);
        });

        for (const seed of SEEDS) {
            it(`${describePlan(planOf(seed))} (seed ${seed}): nothing left, nothing falsely passed`, async () => {
                assert.deepEqual((await runRestoreSeed(lab!, seed)).problems, []);
            });
        }
    });
});
