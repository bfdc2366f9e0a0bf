import type { Snapshot } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type Progress, progressOf } from "../../../provider/aws/waitForCompletion";

const ids = ["snap-1", "snap-2", "snap-3", "snap-4"];
const snapshot = (SnapshotId: string, State: Snapshot["State"], Progress?: string, StateMessage?: string) =>
    ({ SnapshotId, State, Progress, StateMessage }) as Snapshot;
const completed = ids.map((id) => snapshot(id, "completed", "100%"));

describe("progressOf", () => {
    const rows: [what: string, snapshots: Snapshot[], Partial<Progress>][] = [
        ["all completed", completed, { completed: 4, percent: 100, failed: [], gone: [] }],
        [
            "all pending",
            ids.map((id) => snapshot(id, "pending", "0%")),
            { completed: 0, percent: 0, failed: [] },
        ],
        [
            "some pending",
            [
                ...completed.slice(0, 2),
                snapshot("snap-3", "pending", "49%"),
                snapshot("snap-4", "pending", ""),
            ],
            { completed: 2, percent: 62, failed: [] },
        ],
        [
            "99 % of one are not 100 % of all",
            [...completed.slice(0, 3), snapshot("snap-4", "pending", "99%")],
            { completed: 3, percent: 99 },
        ],
        [
            "100 % but pending is not completed",
            [...completed.slice(0, 3), snapshot("snap-4", "pending", "100%")],
            { completed: 3, percent: 100, failed: [] },
        ],
        [
            "one failed",
            [...completed.slice(0, 3), snapshot("snap-4", "error", "37%", "Client error")],
            { completed: 3, failed: ["snap-4: Client error"] },
        ],
        [
            "one failed without a message",
            [...completed.slice(0, 3), snapshot("snap-4", "error")],
            { failed: ["snap-4: no message"] },
        ],
        ["one is gone", completed.slice(1), { completed: 3, percent: 75, failed: [], gone: ["snap-1"] }],
        ["all are gone", [], { completed: 0, percent: 0, failed: [], gone: ids }],
        [
            "others do not count",
            [...completed, snapshot("snap-9", "pending", "0%")],
            { completed: 4, percent: 100 },
        ],
    ];
    for (const [what, snapshots, expected] of rows) {
        it(what, () => {
            expect(progressOf(ids, snapshots)).to.deep.include({ total: 4, ...expected });
        });
    }

    it("of nothing is nothing", () => {
        expect(progressOf([], [])).to.deep.equal({
            completed: 0,
            total: 0,
            percent: 0,
            failed: [],
            gone: [],
        });
    });
});
