import { expect } from "chai";
import { behindBurst } from "../../../provider/aws/apiSlots";

describe("behindBurst", () => {
    it("sends five at once, and the others as EC2's bucket fills", () => {
        expect(Array.from({ length: 10 }, (_, before) => behindBurst(before))).to.deep.equal([
            0, 0, 0, 0, 0, 200, 400, 600, 800, 1000,
        ]);
    });
});
