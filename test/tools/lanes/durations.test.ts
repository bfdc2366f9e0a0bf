import { assert } from "chai";
import { recorded, textOf } from "../../../tools/lanes/durations";

describe("the record of durations", () => {
    const result = (file: string, seconds: number, cpuSeconds: number, failures: string[] = []) => ({
        file,
        seconds,
        cpuSeconds,
        failures,
        passed: 1,
        skipped: 0,
    });
    const known = { gone: { seconds: 9, cpuSeconds: 9 }, long: { seconds: 100, cpuSeconds: 20 } };

    const cases: [title: string, result: ReturnType<typeof result>, seconds: number, cpuSeconds: number][] = [
        ["keeps what is much the same", result("long", 124.2, 24.3), 100, 20],
        ["keeps what is much the same on a quick day", result("long", 76.1, 15.1), 100, 20],
        ["takes both when the time by the clock has changed", result("long", 126.2, 21.3), 127, 22],
        ["takes both when the processor time has changed", result("long", 98.2, 10.1), 99, 11],
        ["takes nothing of what has failed", result("long", 3, 1, ["a failure"]), 100, 20],
        ["takes nothing of what was skipped", { ...result("long", 3, 1), passed: 0 }, 100, 20],
    ];
    for (const [title, one, seconds, cpuSeconds] of cases) {
        it(title, () => {
            assert.deepEqual(recorded(known, [one], new Set(["long"])), { long: { seconds, cpuSeconds } });
        });
    }

    it("takes what is new, keeps what did not run, and forgets what is no more", () => {
        const now = recorded(known, [result("a new one", 3.2, 0)], new Set(["long", "a new one", "unknown"]));
        assert.deepEqual(Object.keys(now), ["a new one", "long"]);
        assert.deepEqual(now["a new one"], { seconds: 4, cpuSeconds: 0 });
    });

    it("has a line for each file", () => {
        const text = textOf(known);
        assert.deepEqual(JSON.parse(text), known);
        assert.include(text.split("\n"), '    "long": { "seconds": 100, "cpuSeconds": 20 }');
    });
});
