import { assert } from "chai";
import { ami } from "../../../lab/awsPlugin/ami";
import { amiCopy } from "../../../lab/awsPlugin/amiCopy";
import { checkInputs, compare, UNKNOWN } from "../../../lab/awsPlugin/plan";
import type { Properties } from "../../../lab/awsPlugin/resourceKind";

const COPY = { name: "a", sourceAmiId: "ami-1", sourceAmiRegion: "us-east-1" };

describe("plan of the AWS plugin", () => {
    describe("checkInputs", () => {
        const failuresOf = (inputs: Properties) =>
            checkInputs(amiCopy, "copy", {}, inputs).failures.map(({ property }) => property);

        it("takes what is served, known or not", () => {
            assert.isEmpty(failuresOf(COPY));
            assert.isEmpty(failuresOf({ ...COPY, sourceAmiId: UNKNOWN, tags: UNKNOWN }));
        });

        it("refuses what is not served, also inside of a list, and what is missing", () => {
            assert.deepEqual(failuresOf({ ...COPY, destinationOutpostArn: "arn:..." }), [
                "destinationOutpostArn",
            ]);
            assert.deepEqual(failuresOf({ name: "a" }), ["sourceAmiId", "sourceAmiRegion"]);
            const ebsBlockDevices = [{ deviceName: "/dev/sda1", outpostArn: "arn:..." }];
            assert.deepEqual(
                checkInputs(ami, "image", {}, { ebsBlockDevices }).failures.map(({ property }) => property),
                ["ebsBlockDevices.outpostArn"],
            );
        });

        it("makes up a name once, and keeps it", () => {
            const { name: _, ...unnamed } = COPY;
            const { inputs } = checkInputs(amiCopy, "copy", {}, unnamed);
            assert.match(String(inputs["name"]), /^copy-[0-9a-f]{7}$/);
            assert.deepEqual(checkInputs(amiCopy, "copy", inputs, unnamed).inputs, inputs);
            assert.notEqual(checkInputs(amiCopy, "copy", {}, unnamed).inputs["name"], inputs["name"]);
        });
    });

    describe("compare", () => {
        const { inputs: olds } = checkInputs(amiCopy, "copy", {}, COPY);
        const after = (change: Properties) => compare(amiCopy, olds, { ...olds, ...change });

        it("replaces what cannot be changed, and updates the rest", () => {
            assert.deepEqual(after({}), { changed: [], replaces: [], deleteBeforeReplace: false });
            assert.deepEqual(after({ tags: { a: "b" } }).replaces, []);
            assert.deepEqual(after({ sourceAmiId: UNKNOWN, name: "b" }).replaces, ["name", "sourceAmiId"]);
        });

        it("deletes first where the new one would have the very name of the old one", () => {
            assert.isTrue(after({ sourceAmiId: "ami-2" }).deleteBeforeReplace);
            assert.isFalse(after({ sourceAmiId: "ami-2", name: "b" }).deleteBeforeReplace);
            assert.isFalse(after({ tags: {} }).deleteBeforeReplace);
        });
    });
});
