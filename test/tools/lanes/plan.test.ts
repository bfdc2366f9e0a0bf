import { assert } from "chai";
import { planOf } from "../../../tools/lanes/plan";

describe("the plan of the lanes", () => {
    const texts = (...files: [file: string, text?: string][]) =>
        new Map(files.map(([file, text = ""]) => [file, `import "it";\n${text}`]));

    const took = (seconds: number, cpuSeconds: number) => ({ seconds, cpuSeconds });

    it("has first what computes the longest, and what waits the longest, and before it what is new", () => {
        const { together } = planOf(texts(["short"], ["new-2"], ["engine"], ["new-1"], ["host"]), {
            short: took(1, 0),
            engine: took(90, 60),
            host: took(80, 5),
            gone: took(5, 5),
        });
        assert.deepEqual(together.computing, ["new-1", "new-2", "engine", "host", "short"]);
        assert.deepEqual(together.waiting, ["new-1", "new-2", "host", "engine", "short"]);
    });

    it("has what says so in one lane, or alone, the longest first", () => {
        const { together, freezing, alone } = planOf(
            texts(
                ["a", "// Runs alone: it measures time."],
                ["b", "// Freezes: a disk."],
                ["c", 'const text = "// Freezes: nothing";'],
                ["d", "// Runs alone:"],
                ["e", "// Freezes: two disks."],
            ),
            { b: took(2, 1), c: took(2, 0), d: took(1, 0), e: took(3, 0) },
        );
        assert.deepEqual(together, { computing: ["c", "d"], waiting: ["c", "d"] });
        assert.deepEqual({ freezing, alone }, { freezing: ["e", "b"], alone: ["a"] });
    });
});
