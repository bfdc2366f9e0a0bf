import { assert } from "chai";
import { compareVersions } from "../../../provider/base/compareVersions";

describe("versions", () => {
    for (const [a, b, sign] of [
        ["2.5.1", "2.5.1", 0],
        ["2.5", "2.5.0", 0],
        ["2.10.0", "2.9.9", 1],
        ["2.3.1", "2.3.2", -1],
        ["3.0.502.0", "3.0.502", 0],
        ["3.0.501.9", "3.0.502.0", -1],
        ["10.0.14393", "6.3.9600", 1],
    ] as const) {
        it(`${a} against ${b}: ${sign}`, () => {
            assert.equal(Math.sign(compareVersions(a, b)), sign);
            assert.equal(Math.sign(compareVersions(b, a)), sign === 0 ? 0 : -sign);
        });
    }
});
