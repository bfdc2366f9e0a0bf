import { assert } from "chai";

describe("a file", () => {
    it("fails", () => {
        console.log("said before it failed");
        assert.equal(1, 2);
    });
});
