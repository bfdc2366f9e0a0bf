import type { Snapshot, SnapshotState } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { tagKeys } from "../../../provider/aws/tags";
import { foundSet } from "../../../provider/lifecycle/foundSet";
import { isRoom } from "../../../provider/run/setRequest";

interface Seen {
    readonly level?: string;
    readonly size?: string;
    readonly state?: SnapshotState;
    readonly volume?: string;
}

const snapshots = (seen: readonly Seen[]): Snapshot[] =>
    seen.map(({ level = "application", size, state = "completed", volume }, index) => ({
        SnapshotId: `snap-${index}`,
        VolumeId: volume ?? `vol-${index}`,
        State: state,
        StateMessage: "no space",
        Tags: [
            ...(level === "" ? [] : [{ Key: tagKeys.level, Value: level }]),
            ...(size === undefined ? [] : [{ Key: tagKeys.size, Value: size }]),
        ],
    }));

describe("foundSet", () => {
    const of2 = { size: "2" };
    const rows: [what: string, Seen[], level: string, reason?: string, lost?: string[]][] = [
        ["whole", [of2, of2], "application"],
        ["one is missing", [of2], "crash", "SNAPSHOT_LOST", ["1 of 2 snapshots were deleted"]],
        [
            "one failed",
            [of2, { ...of2, state: "error" }],
            "crash",
            "SNAPSHOT_LOST",
            ["snap-1 failed: no space"],
        ],
        [
            "one failed, one is missing",
            [{ size: "3" }, { size: "3", state: "error" }],
            "crash",
            "SNAPSHOT_LOST",
            ["snap-1 failed: no space", "1 of 3 snapshots were deleted"],
        ],
        [
            "one is in the Recycle Bin",
            [of2, { ...of2, state: "recoverable" }],
            "crash",
            "SNAPSHOT_LOST",
            ["snap-1 was deleted and is in the Recycle Bin"],
        ],
        ["one comes back from the Recycle Bin", [of2, { ...of2, state: "recovering" }], "application"],
        ["one is pending", [of2, { ...of2, state: "pending" }], "application"],
        ["more than it had", [of2, of2, of2], "crash", "DUPLICATE_SNAPSHOTS"],
        [
            "a copy, tags and all, is none of it",
            [of2, of2, { ...of2, volume: "vol-ffffffff" }],
            "application",
        ],
        [
            "a copy does not stand for what is missing",
            [of2, { ...of2, volume: "vol-ffffffff" }],
            "crash",
            "SNAPSHOT_LOST",
            ["1 of 2 snapshots were deleted"],
        ],
        ["the lowest level counts", [of2, { ...of2, level: "filesystem" }], "filesystem"],
        ["no level", [of2, { ...of2, level: "" }], "crash"],
        ["a level that there is none of", [of2, { ...of2, level: "perfect" }], "crash"],
        ["an earlier release", [{}, {}], "application"],
        ["a size that is none", [{ size: "many" }], "application"],
        ["the size is on one alone", [of2, {}], "application"],
        ["nothing", [], "crash"],
    ];
    for (const [what, seen, level, reason, lost = []] of rows) {
        it(`${what}: ${level}${reason === undefined ? "" : `, ${reason}`}`, () => {
            const found = foundSet(snapshots(seen));
            expect(found).to.include({ level });
            expect(found.reason).to.equal(reason);
            expect(found.lost).to.deep.equal(lost);
        });
    }

    it("says what could not be judged", () => {
        expect(foundSet(snapshots([{}])).message).to.match(/^No tag says how many/);
        expect(foundSet(snapshots([of2, of2])).message).to.match(/^The level is the lowest of the tags/);
        expect(foundSet(snapshots([of2, of2, of2])).message).to.match(
            /^The set had 2 snapshots, but 3 carry/,
        );
    });
});

describe("isRoom", () => {
    const keys = (count: number, name = "k") =>
        Array.from({ length: count }, (_, index) => `${name}${index}`);
    const rows: [what: string, own: string[], copied: string[][], room: boolean][] = [
        ["50 of ours", keys(50), [], true],
        ["51 of ours", keys(51), [], false],
        ["40 of ours, 10 of each volume", keys(40), [keys(10, "a"), keys(10, "b")], true],
        ["40 of ours, 11 of one volume", keys(40), [[], keys(11, "a")], false],
        ["the same on both", keys(50), [keys(50)], true],
    ];
    for (const [what, own, copied, expected] of rows) {
        it(`${what}: ${expected ? "yes" : "no"}`, () => {
            expect(isRoom(own, copied)).to.equal(expected);
        });
    }
});
