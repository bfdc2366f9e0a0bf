// Freezes: blows strike hosts while their file systems are held.
import { assert } from "chai";
import { ChaosLab } from "../tools/chaos/lab";
import { BLOWS, describe as describeFault, groupOf, planOf } from "../tools/chaos/plan";
import { runSeed } from "../tools/chaos/run";
import { tooLong, windowsOf } from "../tools/chaos/verdict";
import { needsRoot } from "../lab/hosts/sshHost";

/** Of those that end soon, with all pairs that are taken and what lasts. */
const SEEDS = [2, 5, 42, 83, 97];

describe("chaos", () => {
    it("does the same for the same seed, and everything in 1,000", () => {
        const seeds = Array.from({ length: 1_000 }, (_, seed) => seed);
        assert.deepEqual(seeds.map(planOf), seeds.map(planOf));
        assert.includeMembers(
            seeds.map((seed) => groupOf(planOf(seed).fault)),
            [...BLOWS],
        );
    });

    it("knows from the hooks when a host was frozen", () => {
        const [first, second, ...more] = windowsOf([
            "frozen 1.00",
            "thawing 3.00",
            "thawing 4.00",
            "frozen 5.00",
        ]);
        assert.isUndefined(more[0]);
        assert.closeTo(first!.to - first!.from, 2_000, 50);
        assert.equal(second!.to, Infinity);
    });

    it("notices a freeze that lasted too long, whoever ended it", () => {
        const events = ["pre freeze", "freezing 1.00", "frozen 2.00", "thawing 4.00", "awake 5.00"];
        assert.deepEqual(tooLong(events), []);
        const late = [...events.slice(0, 3), "thawing 11.10", "awake 12.00"];
        assert.deepEqual(tooLong(late), ["frozen for 9.1 s"]);
        assert.deepEqual(tooLong(late, 1_000), []);
        assert.deepEqual(tooLong(["freezing 1.00", "awake 99.00"]), ["freezing for 98.0 s"]);
        assert.deepEqual(tooLong(["freezing 1.00"]), ["freezing for Infinity s"]);
    });

    describe("in a pulumi up", function () {
        this.timeout(600_000);
        let lab: ChaosLab | undefined;

        before(async function () {
            needsRoot(this);
            lab = await ChaosLab.start();
        });
        after(() => lab?.stop());

        for (const seed of SEEDS) {
            it(`${describeFault(planOf(seed))} (seed ${seed}): awake, nothing left, nothing claimed, mended`, async () => {
                assert.deepEqual((await runSeed(lab!, seed)).problems, []);
            });
        }
    });
});
