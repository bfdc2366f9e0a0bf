// Runs alone: it measures how long freezes last.
import { assert } from "chai";
import { thawAfterKill, thawAfterSilence } from "../tools/bench/kill";
import { Lab } from "../tools/bench/lab";
import { measure } from "../tools/bench/measure";
import type { Sample } from "../tools/bench/methods";
import { type Measured, median, targetsOf, windowOf } from "../tools/bench/report";
import { needsRoot } from "../lab/hosts/sshHost";

const FREEZE_LIMIT_S = 3;

const samples = (...windows: number[]): Sample[] =>
    windows.map((windowMs) => ({ windowMs, quiescedMs: windowMs + 10, apiMs: windowMs - 5 }));

describe("the benchmark", () => {
    describe("its judgement", () => {
        const near: Measured = {
            roundTripMs: 0,
            apiMs: 0,
            volumes: 1,
            product: samples(10, 12, 90),
            floor: samples(8, 8, 8),
            script: samples(900, 900, 900),
        };
        const far: Measured = { ...near, apiMs: 300, product: samples(310), floor: samples(300) };
        const kills = { closed: [30, 40], silent: [1900, 1950], freezeLimitMs: 2000 };
        const met = (measured: Measured[], more = kills) =>
            targetsOf(measured, more).map((target) => target.met);

        it("takes medians", () => {
            assert.equal(median([5, 1, 100]), 5);
            assert.equal(median([4, 1, 100, 2]), 3);
        });

        it("finds every target met, and each one missed", () => {
            const all = [true, true, true, true, true, true];
            assert.deepEqual(met([near, far]), all);
            const but = (index: number) => all.map((_, at) => at !== index);
            const late = samples(310).map((one) => ({ ...one, apiMs: 280 }));
            assert.deepEqual(met([near, { ...far, product: late }]), but(0));
            assert.deepEqual(met([near, { ...far, product: samples(331) }]), but(1));
            assert.deepEqual(met([{ ...near, script: samples(110) }, far]), but(2));
            const many = { ...near, volumes: 40, product: [{ windowMs: 40, quiescedMs: 50, apiMs: 22 }] };
            assert.deepEqual(met([near, far, many]), but(3));
            assert.deepEqual(met([near, far], { ...kills, closed: [30, 101] }), but(4));
            assert.deepEqual(met([near, far], { ...kills, silent: [2001] }), but(5));
        });

        it("says nothing of what was not measured", () => {
            assert.lengthOf(targetsOf([far], kills), 5);
        });
    });

    describe("its figures, by ratios with room for a slow machine", function () {
        this.timeout(180_000);
        let lab: Lab | undefined;

        before(async function () {
            needsRoot(this);
            lab = await Lab.start();
        });
        after(() => lab?.stop());

        it("the window is near the floor where the API takes its time, and far below the script's", async () => {
            const [one] = await measure(lab!, [{ roundTripMs: 20, apiMs: 500, volumes: 3 }], 3);
            assert.isBelow(windowOf(one!.product) / windowOf(one!.floor), 1.5);
            assert.isBelow(windowOf(one!.product), windowOf(one!.script));
            for (const { windowMs, quiescedMs, apiMs } of one!.product) {
                // What is measured is what was there: no window is shorter than the API's time and one round trip.
                assert.isAtLeast(apiMs!, 500);
                assert.isAtLeast(windowMs, apiMs! + 20);
                assert.isAtLeast(quiescedMs, windowMs);
            }
        });

        it("a killed client's host thaws at once, not when the limit ends", async () => {
            assert.isBelow(await thawAfterKill(lab!), 5_000);
        });

        it("a host that is told nothing thaws when the limit ends, and not before", async () => {
            const thawedMs = await thawAfterSilence(lab!, FREEZE_LIMIT_S);
            assert.isAtLeast(thawedMs, FREEZE_LIMIT_S * 1000 - 500);
            assert.isBelow(thawedMs, FREEZE_LIMIT_S * 1000 + 3_000);
        });
    });
});
