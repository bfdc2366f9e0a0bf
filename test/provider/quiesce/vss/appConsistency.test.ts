import type { Tag } from "@aws-sdk/client-ec2";
import { assert } from "chai";
import { appConsistencyOf, isAppConsistent } from "../../../../provider/quiesce/vss/appConsistency";

const tags = (value: string | undefined): Tag[] =>
    value === undefined ? [{ Key: "Device", Value: "xvdf" }] : [{ Key: "AppConsistent", Value: value }];

describe("what AWS's tag says of a set", () => {
    interface Row {
        readonly what: string;
        /** The tag's value on each snapshot. */
        readonly own: readonly (string | undefined)[];
        /** On the image; null: there is none. */
        readonly image: string | null | undefined;
        readonly each: readonly boolean[];
        readonly byImage: boolean;
    }
    const none = undefined;
    const rows: Row[] = [
        { what: "each snapshot", own: ["True", "true"], image: null, each: [true, true], byImage: false },
        { what: "all but one", own: ["True", none], image: null, each: [true, false], byImage: false },
        { what: "none", own: [none, none], image: null, each: [false, false], byImage: false },
        { what: "False", own: ["True", "False"], image: null, each: [true, false], byImage: false },
        { what: "the image alone", own: [none, none], image: "True", each: [true, true], byImage: true },
        { what: "not even the image", own: [none, none], image: none, each: [false, false], byImage: true },
        { what: "the image: False", own: [none, none], image: "False", each: [false, false], byImage: true },
        {
            what: "the image and all but one",
            own: ["True", none],
            image: "True",
            each: [true, false],
            byImage: false,
        },
        {
            what: "the image, each snapshot False",
            own: ["False", "False"],
            image: "True",
            each: [false, false],
            byImage: false,
        },
    ];
    for (const { what, own, image, each, byImage } of rows) {
        it(`is on ${what}: ${each.join(", ")}${byImage ? ", by the image" : ""}`, () => {
            const found = appConsistencyOf(
                own.map((value, index) => ({ SnapshotId: `snap-${index}`, Tags: tags(value) })),
                image === null ? undefined : { Tags: tags(image) },
            );
            const bySnapshot = Object.fromEntries(each.map((value, index) => [`snap-${index}`, value]));
            assert.deepEqual(found, { bySnapshot, byImage });
            assert.equal(isAppConsistent(found), !each.includes(false));
        });
    }
});
