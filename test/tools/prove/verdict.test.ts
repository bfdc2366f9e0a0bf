import { expect } from "chai";
import { notTogether } from "../../../tools/prove/files";
import { judge } from "../../../tools/prove/verdict";

/** Number n is sent at 10 n and acknowledged at 10 n + 5; the freeze is complete at 42, the request sent at 44. */
const MOMENTS = { heldFrom: 42, requestedAt: 44 };
const LOG = { sentAt: [10, 20, 30, 40, 50, 60], acknowledgedAt: [15, 25, 35, 45, 55] };

describe("judge", () => {
    const rows: [what: string, numbers: number[], lost: number, after: number, gaps: number][] = [
        ["all that was acknowledged", [1, 2, 3], 0, 0, 0],
        ["one that was on its way as well", [1, 2, 3, 4], 0, 0, 0],
        ["not the last acknowledged one", [1, 2], 1, 0, 0],
        ["one missing between", [1, 3], 1, 0, 1],
        ["one that was begun after the freeze", [1, 2, 3, 4, 5], 0, 1, 0],
        ["one that was never sent", [1, 2, 3, 7], 0, 1, 3],
        ["nothing", [], 3, 0, 0],
    ];
    for (const [what, numbers, lost, after, gaps] of rows) {
        it(`${what}: ${lost} lost, ${after} after, ${gaps} gaps`, () => {
            const data = { numbers: [numbers], recovery: [], problems: [] };
            expect(judge(MOMENTS, [LOG], data, [], [])).to.include({ lost, after, gaps });
        });
    }

    it("adds up writers, and gathers whatever anybody found", () => {
        const data = { numbers: [[1, 2], []], recovery: ["redo starts"], problems: ["page 3"] };
        const states = [
            { needsReplay: true, problems: ["orphaned inode"] },
            { needsReplay: false, problems: [] },
        ];
        expect(judge(MOMENTS, [LOG, LOG], data, states, ["/mnt/data/x"])).to.deep.equal({
            lost: 4,
            after: 0,
            gaps: 0,
            transactions: 2,
            replays: 1,
            recovered: true,
            problems: ["page 3", "orphaned inode", "of ours: /mnt/data/x"],
        });
    });
});

describe("two volumes", () => {
    it("are of one moment with at most one number on its way from the first to the second", () => {
        expect(notTogether([1, 2], [1, 2])).to.deep.equal([]);
        expect(notTogether([1, 2, 3], [1, 2])).to.deep.equal([]);
        expect(notTogether([1, 2, 3], [1])).to.have.length(1);
        expect(notTogether([1], [1, 2])).to.have.length(1);
    });
});
