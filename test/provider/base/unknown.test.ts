import { expect } from "chai";
import { createRequire } from "node:module";
import { containsUnknown, isUnknown } from "../../../provider/base/unknown";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("unknown values", () => {
    it("are what Pulumi passes for them, and nothing else", () => {
        // The SDK's own constant, so that a change of theirs is noticed.
        const { unknownValue } = createRequire(__filename)("@pulumi/pulumi/runtime/rpc") as {
            unknownValue: string;
        };
        expect(isUnknown(unknownValue)).to.equal(true);
        for (const value of [undefined, null, "", 0, {}, [UNKNOWN], `${UNKNOWN} `]) {
            expect(isUnknown(value)).to.equal(false);
        }
    });

    it("are found at any depth", () => {
        expect(containsUnknown(UNKNOWN)).to.equal(true);
        expect(containsUnknown([1, { a: [{ b: UNKNOWN }] }])).to.equal(true);
        expect(containsUnknown([1, { a: [{ b: "x" }], c: null, d: undefined }])).to.equal(false);
        expect(containsUnknown({ [UNKNOWN]: 1 })).to.equal(false);
    });
});
