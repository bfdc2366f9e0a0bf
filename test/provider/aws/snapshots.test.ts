import { expect } from "chai";
import { setProblem } from "../../../provider/aws/snapshots";
import type { CreatedSet } from "../../../provider/aws/createSnapshots";

const TIME = "2026-01-01T00:00:00.000Z";
const set = (...volumes: string[]): CreatedSet => ({
    snapshots: volumes.map((volumeId, index) => ({ snapshotId: `snap-${index}`, volumeId, startTime: TIME })),
    requestedAt: TIME,
    returnedAt: TIME,
    apiMs: 1,
});

describe("setProblem", () => {
    const rows: [
        what: string,
        CreatedSet,
        expected: string[],
        tagged: string[] | undefined,
        code?: string,
    ][] = [
        ["the very set", set("vol-a", "vol-b"), ["vol-a", "vol-b"], ["vol-a", "vol-b"]],
        ["in another order", set("vol-b", "vol-a"), ["vol-a", "vol-b"], ["vol-b", "vol-a"]],
        ["a volume came", set("vol-a", "vol-b"), ["vol-a"], ["vol-a", "vol-b"], "VOLUMES_CHANGED"],
        ["a volume went", set("vol-a"), ["vol-a", "vol-b"], ["vol-a"], "VOLUMES_CHANGED"],
        ["a volume is another", set("vol-c"), ["vol-a"], ["vol-c"], "VOLUMES_CHANGED"],
        ["an empty answer", set(), ["vol-a"], [], "VOLUMES_CHANGED"],
        ["two of one volume", set("vol-a", "vol-a"), ["vol-a"], ["vol-a", "vol-a"], "DUPLICATE_SNAPSHOTS"],
        ["two of one volume, one tagged", set("vol-a", "vol-a"), ["vol-a"], ["vol-a"], "DUPLICATE_SNAPSHOTS"],
        [
            "two of one, none of another",
            set("vol-a", "vol-a"),
            ["vol-a", "vol-b"],
            undefined,
            "VOLUMES_CHANGED",
        ],
        ["never seen", set("vol-a"), ["vol-a"], undefined, "SNAPSHOT_OUTCOME_UNKNOWN"],
        ["a second set", set("vol-a"), ["vol-a"], ["vol-a", "vol-a"], "DUPLICATE_SNAPSHOTS"],
        ["a foreign one", set("vol-a"), ["vol-a"], ["vol-a", "vol-z"], "DUPLICATE_SNAPSHOTS"],
    ];
    for (const [what, created, expected, tagged, code] of rows) {
        it(`${what}: ${code ?? "no problem"}`, () => {
            expect(setProblem(created, expected, tagged)?.code).to.equal(code);
        });
    }
});
