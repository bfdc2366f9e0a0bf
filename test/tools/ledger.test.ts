import { expect } from "chai";
import { judgeLedger } from "../../tools/prove/ledger";

describe("judgeLedger", () => {
    const LOG = [[10, 20, 30, 40]];
    const rows: [string, number[], number[], object][] = [
        ["the same on both sides", [1, 2, 3], [1, 2, 3], { oneSided: 0, underWay: 0, lost: 0 }],
        ["the last one under way", [1, 2, 3], [1, 2], { oneSided: 0, underWay: 1, lost: 0 }],
        ["two have left and not arrived", [1, 2, 3], [1], { oneSided: 1, underWay: 1, lost: 1 }],
        ["one arrived that never left", [1, 2], [1, 2, 3], { oneSided: 1, underWay: 0, lost: 0 }],
        ["an acknowledged one is on neither side", [1], [1], { oneSided: 0, underWay: 0, lost: 1 }],
        ["an acknowledged one is on one side", [1, 2], [1], { oneSided: 0, underWay: 1, lost: 1 }],
    ];
    for (const [title, from, to, expected] of rows) {
        it(title, () => {
            expect(judgeLedger([from], [to], LOG, 25)).to.include(expected);
        });
    }
});
