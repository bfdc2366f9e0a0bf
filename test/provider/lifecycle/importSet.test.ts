import type { Snapshot } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { tagKeys } from "../../../provider/aws/tags";
import { foundSet } from "../../../provider/lifecycle/foundSet";
import { importFailure } from "../../../provider/lifecycle/importSet";

const NOW = Date.parse("2026-12-01T12:00:00Z");
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

interface Seen {
    readonly state?: string;
    readonly size?: string;
    readonly lease?: string;
    readonly lifecycle?: Snapshot["State"];
}

const snapshot = (
    { state = "complete", size, lease = at(5), lifecycle = "completed" }: Seen,
    index: number,
) => ({
    SnapshotId: `snap-${index}`,
    VolumeId: `vol-${index}`,
    State: lifecycle,
    Tags: [
        { Key: tagKeys.execution, Value: "acs-1" },
        { Key: tagKeys.level, Value: "application" },
        { Key: tagKeys.state, Value: state },
        { Key: tagKeys.lease, Value: lease },
        ...(size === undefined ? [] : [{ Key: tagKeys.size, Value: size }]),
    ],
});

describe("importFailure", () => {
    const rows: [what: string, seen: Seen[], code: string | undefined, says?: RegExp][] = [
        ["whole and complete, though its lease has not ended", [{}, {}], undefined],
        ["as many as its tag says", [{ size: "2" }, { size: "2" }], undefined],
        ["not completed yet", [{ lifecycle: "pending" }], undefined],
        ["one is missing", [{ size: "2" }], "SNAPSHOT_LOST", /1 of 2 snapshots were deleted/],
        ["one failed", [{}, { lifecycle: "error" }], "SNAPSHOT_LOST", /snap-1 failed/],
        ["one is in the Recycle Bin", [{ lifecycle: "recoverable" }], "SNAPSHOT_LOST", /Recycle Bin/],
        ["more than its tag says", [{ size: "1" }, { size: "1" }], "DUPLICATE_SNAPSHOTS", /had 1 snapshots/],
        ["its run is at work", [{ state: "in-progress" }], "SET_UNFINISHED", /may still be at work/],
        [
            "its lease ended a moment ago",
            [{ state: "in-progress", lease: at(-9) }],
            "SET_UNFINISHED",
            /The run counts as dead 10 minutes after the end of its lease, which is at 2026-12-01T11:51:00.000Z/,
        ],
        [
            "its run is dead",
            [{ state: "in-progress", lease: at(-11) }],
            "SET_UNFINISHED",
            /died before the set was finished\. Its lease ended .*So no tag proves its level, or that the instance was awake/,
        ],
        ["recorded by half", [{}, { state: "in-progress" }], "SET_UNFINISHED"],
        ["a state of nobody", [{ state: "", lease: "" }], "SET_UNFINISHED"],
    ];
    for (const [what, seen, code, says = /./] of rows) {
        it(`${what}: ${code ?? "none"}`, () => {
            const failure = importFailure("acs-1", foundSet(seen.map(snapshot)), NOW);
            expect(failure?.code).to.equal(code);
            expect(failure?.message ?? "fine").to.match(says);
        });
    }
});
