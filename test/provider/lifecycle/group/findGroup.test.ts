import type { Snapshot } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { tagKeys } from "../../../../provider/aws/tags";
import { foundGroup } from "../../../../provider/lifecycle/group/findGroup";

/** A snapshot of a member's set, as a run that has ended leaves it. */
function of(member: string, tags: Record<string, string | undefined> = {}, volumeId = "vol-1"): Snapshot {
    const all = {
        [tagKeys.group]: "acs-group",
        [tagKeys.member]: member,
        [tagKeys.members]: "i-1 i-2",
        [tagKeys.execution]: `acs-${member}`,
        [tagKeys.instance]: `i-${member}`,
        [tagKeys.size]: "1",
        [tagKeys.level]: "application",
        ...tags,
    };
    return {
        SnapshotId: `snap-${member}`,
        VolumeId: volumeId,
        State: "completed",
        Tags: Object.entries(all).flatMap(([Key, Value]) => (Value === undefined ? [] : [{ Key, Value }])),
    };
}

describe("foundGroup", () => {
    const rows: [title: string, tagged: Snapshot[], samePoint: boolean, names: string[], size: number][] = [
        ["all of it", [of("db"), of("app")], true, ["db", "app"], 2],
        [
            "levels that differ",
            [of("db"), of("app", { [tagKeys.level]: "filesystem" })],
            true,
            ["db", "app"],
            2,
        ],
        ["one is crash", [of("db"), of("app", { [tagKeys.level]: "crash" })], false, ["db", "app"], 2],
        [
            "its run died: no levels yet",
            [of("db"), of("app", { [tagKeys.level]: undefined })],
            false,
            ["db", "app"],
            2,
        ],
        ["one has no set any more", [of("db")], false, ["db"], 2],
        ["one lacks a snapshot", [of("db"), of("app", { [tagKeys.size]: "2" })], false, ["db", "app"], 2],
        ["one has a snapshot too many", [of("db"), of("app"), of("app")], false, ["db", "app"], 2],
        [
            "a copy that somebody made",
            [of("db"), of("app"), of("app", {}, "vol-ffffffff")],
            true,
            ["db", "app"],
            2,
        ],
        [
            "there was no room for the list of instances",
            [of("db", { [tagKeys.members]: undefined }), of("app", { [tagKeys.members]: undefined })],
            false,
            ["db", "app"],
            2,
        ],
        [
            "there was no room for the names",
            [of("db", { [tagKeys.member]: undefined }), of("app", { [tagKeys.member]: undefined })],
            true,
            ["i-db", "i-app"],
            2,
        ],
        ["nothing", [], false, [], 0],
    ];
    for (const [title, tagged, samePoint, names, size] of rows) {
        it(title, () => {
            const found = foundGroup(tagged);
            expect({ ...found, sets: Object.keys(found.sets) }).to.deep.equal({
                samePoint,
                sets: names,
                size,
            });
        });
    }
});
