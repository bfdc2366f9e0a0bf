import type { Snapshot } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type EarlierSet, groupSets, isAbandoned } from "../../../provider/aws/earlierSets";
import { tagKeys } from "../../../provider/aws/tags";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const MINUTE = 60_000;

const snapshot = (SnapshotId: string, tags: Partial<Record<keyof typeof tagKeys, string>>): Snapshot => ({
    SnapshotId,
    Tags: Object.entries(tags).map(([key, Value]) => ({ Key: tagKeys[key as keyof typeof tagKeys], Value })),
});

const without = { imageIds: [], bareSnapshotIds: [] };

describe("groupSets", () => {
    it("puts together what one execution took", () => {
        const lease = new Date(NOW).toISOString();
        const later = new Date(NOW + MINUTE).toISOString();
        expect(
            groupSets(
                [
                    snapshot("snap-1", { execution: "acs-1", state: "complete", lease }),
                    snapshot("snap-2", { execution: "acs-2", state: "in-progress", lease }),
                    snapshot("snap-3", { execution: "acs-1", state: "complete", lease: later }),
                    snapshot("snap-4", {}),
                ],
                [],
            ),
        ).to.deep.equal([
            {
                ...without,
                executionId: "acs-1",
                snapshotIds: ["snap-1", "snap-3"],
                complete: true,
                lease: NOW + MINUTE,
            },
            { ...without, executionId: "acs-2", snapshotIds: ["snap-2"], complete: false, lease: NOW },
        ]);
    });

    it("puts an image to its set, and knows which of its snapshots carry no tag", () => {
        const lease = new Date(NOW).toISOString();
        const tags = { execution: "acs-1", state: "in-progress", lease };
        const tagged = snapshot("snap-1", tags);
        const mapped = ["snap-1", "snap-2"].map((SnapshotId) => ({ Ebs: { SnapshotId } }));
        const image = { ImageId: "ami-1", Tags: tagged.Tags ?? [], BlockDeviceMappings: mapped };
        const set = { executionId: "acs-1", imageIds: ["ami-1"], complete: false, lease: NOW };
        expect(groupSets([tagged], [image])).to.deep.equal([
            { ...set, snapshotIds: ["snap-1"], bareSnapshotIds: ["snap-2"] },
        ]);
        expect(groupSets([], [image])).to.deep.equal([
            { ...set, snapshotIds: [], bareSnapshotIds: ["snap-1", "snap-2"] },
        ]);
    });

    it("is complete only if every snapshot says so", () => {
        const [set] = groupSets(
            [
                snapshot("snap-1", { execution: "acs-1", state: "complete" }),
                snapshot("snap-2", { execution: "acs-1", state: "in-progress" }),
            ],
            [],
        );
        expect(set?.complete).to.equal(false);
    });

    it("reads no lease from what is none", () => {
        const [set] = groupSets([snapshot("snap-1", { execution: "acs-1", lease: "tomorrow" })], []);
        expect(set).to.have.property("lease", undefined);
    });
});

describe("isAbandoned", () => {
    const set: EarlierSet = {
        ...without,
        executionId: "acs-1",
        snapshotIds: ["snap-1"],
        complete: false,
        lease: NOW,
    };
    const rows: [what: string, Partial<EarlierSet>, abandoned: boolean][] = [
        ["its lease ran out 11 minutes ago", { lease: NOW - 11 * MINUTE }, true],
        ["its lease ran out 9 minutes ago", { lease: NOW - 9 * MINUTE }, false],
        ["its lease runs", { lease: NOW + MINUTE }, false],
        ["it has no lease", { lease: undefined }, false],
        ["it is complete", { complete: true, lease: NOW - 1000 * MINUTE }, false],
    ];
    for (const [what, change, expected] of rows) {
        it(`${expected ? "yes" : "no"}: ${what}`, () => {
            expect(isAbandoned({ ...set, ...change }, NOW)).to.equal(expected);
        });
    }
});
