import { existsSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { assert } from "chai";

// In a file of lane.test.ts: what a lane's tests see.
const MARK = "/dev/shm/lane-test-mark";

describe("a file", () => {
    it("passes, in a network and memory of its own", () => {
        assert.deepEqual(Object.keys(networkInterfaces()), ["lo"]);
        assert.isFalse(existsSync(MARK));
        writeFileSync(MARK, "");
    });
    it("is skipped");
});
