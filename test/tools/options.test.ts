import { assert } from "chai";
import { optionsOf } from "../../tools/options";

describe("a tool's options", () => {
    const of = (...args: string[]) =>
        optionsOf("npm run tool", { runs: 50, sizes: [1, 10], only: "", output: "report.md" }, args);
    const defaults = { runs: 50, sizes: [1, 10], only: "", output: "report.md" };

    for (const [args, expected] of [
        [[], {}],
        [["--runs", "7"], { runs: 7 }],
        [["--runs", "0"], { runs: 0 }],
        [["--sizes", "3,200"], { sizes: [3, 200] }],
        [["--sizes", ""], { sizes: [] }],
        [["--only", "Redis", "--output", "else.md"], { only: "Redis", output: "else.md" }],
    ] as const) {
        it(`${args.join(" ") || "none"}: ${JSON.stringify(expected)}`, () => {
            assert.deepEqual(of(...args), { ...defaults, ...expected });
        });
    }

    for (const [args, message] of [
        [["--rnus", "7"], /^Unknown option '--rnus'/],
        [["--help"], /^Unknown option '--help'/],
        [["--runs"], /^Option '--runs <value>' argument missing/],
        [["--runs", "many"], /^"many" is no number of anything/],
        [["--sizes", "1,-2"], /^"-2" is no number of anything/],
        [["7"], /^Unexpected argument '7'/],
    ] as const) {
        it(`${args.join(" ")}: says what is wrong, and the usage`, () => {
            const usage =
                /\nusage: npm run tool -- \[--runs 50\] \[--sizes 1,10\] \[--only \.\.\.\] \[--output report\.md\]$/;
            assert.throws(() => of(...args), message);
            assert.throws(() => of(...args), usage);
        });
    }
});
