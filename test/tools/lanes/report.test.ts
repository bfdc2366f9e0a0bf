import { assert } from "chai";
import { type Ran, progressOf, summaryOf } from "../../../tools/lanes/report";

describe("the report of the lanes", () => {
    const good: Ran = {
        file: "test/good.test.ts",
        passed: 3,
        skipped: 0,
        failures: [],
        seconds: 12.34,
        cpuSeconds: 1.25,
        output: "noise\n",
        lane: "lane 1",
    };
    const skipping: Ran = { ...good, file: "test/skipping.test.ts", passed: 1, skipped: 2 };
    const bad: Ran = {
        ...good,
        file: "test/bad.test.ts",
        failures: ["a\n  breaks: Error", "b breaks: Error"],
        seconds: 130,
        lane: "lane 2",
    };
    const lastLine = (text: string) => text.split("\n").at(-1);

    it("has a line for each file", () => {
        assert.equal(progressOf(good), "  12.3 s   1.3 s  test/good.test.ts: 3 passed");
        assert.match(progressOf(skipping), /: 1 passed, 2 skipped$/);
    });

    it("tells failures in full at once, with what was said, and again at the end", () => {
        assert.equal(
            progressOf(bad),
            " 130.0 s   1.3 s  test/bad.test.ts: 3 passed, 2 FAILED\n" +
                "    a\n      breaks: Error\n    b breaks: Error\n    what its process has said:\n    noise",
        );
        assert.include(
            summaryOf([bad, good], true),
            "\n2) b breaks: Error\nwhat its process has said:\nnoise\n",
        );
        assert.notInclude(summaryOf([good], true), "noise");
    });

    it("ends with the slowest files and the counts", () => {
        const summary = summaryOf([good, bad], false);
        assert.isBelow(summary.indexOf("130.0 s"), summary.indexOf("12.3 s"));
        assert.equal(lastLine(summary), "6 passed, 2 failed");
    });

    it("says how long each lane was busy", () => {
        const summary = summaryOf([good, skipping, bad], false);
        assert.include(
            summary,
            "The lanes:\n  24.7 s   2.5 s  lane 1: 2 files\n 130.0 s   1.3 s  lane 2: 1 files",
        );
    });

    it("does not hide what was skipped", () => {
        assert.equal(lastLine(summaryOf([good, skipping], false)), "4 passed, 0 failed, 2 skipped");
        assert.include(summaryOf([good, skipping], true), "Under CI=true nothing may be skipped.");
    });
});
