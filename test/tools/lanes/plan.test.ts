import { assert } from "chai";
import { planOf } from "../../../tools/lanes/plan";

describe("the plan of the lanes", () => {
    const texts = (...files: [file: string, text?: string][]) =>
        new Map(files.map(([file, text = ""]) => [file, `import "it";\n${text}`]));

    it("has the longest first, and before it what is new", () => {
        const plan = planOf(texts(["short"], ["new-2"], ["long"], ["new-1"]), {
            short: 1,
            long: 90,
            gone: 5,
        });
        assert.deepEqual(plan, { together: ["new-1", "new-2", "long", "short"], freezing: [], alone: [] });
    });

    it("has what says so in one lane, or alone", () => {
        const plan = planOf(
            texts(
                ["a", "// Runs alone: it measures time."],
                ["b", "// Freezes: a disk."],
                ["c", 'const text = "// Freezes: nothing";'],
                ["d", "// Runs alone:"],
            ),
            { c: 2, d: 1 },
        );
        assert.deepEqual(plan, { together: ["c", "d"], freezing: ["b"], alone: ["a"] });
    });
});
