import { expect } from "chai";
import { ApiSlots, behindBurst } from "../../../provider/aws/apiSlots";

const here = { accountId: "123456789012", region: "eu-west-1" };

describe("ApiSlots", () => {
    it("lets five pass at once, then one by one, and says that it waits", async () => {
        const slots = new ApiSlots();
        const lines: string[] = [];
        const options = { log: (line: string) => void lines.push(line), signal: AbortSignal.timeout(10_000) };
        for (let count = 0; count < 5; count += 1) {
            await slots.take(here, options);
        }
        expect(lines).to.deep.equal([]);
        const began = performance.now();
        await slots.take(here, options);
        expect(performance.now() - began).to.be.greaterThan(100);
        expect(lines).to.deep.equal([
            "waiting for EC2's limit of CreateSnapshots; nothing is frozen meanwhile",
        ]);
    });

    it("has those of each account and region", async () => {
        const slots = new ApiSlots();
        const lines: string[] = [];
        const options = { log: (line: string) => void lines.push(line), signal: AbortSignal.timeout(10_000) };
        for (const region of ["eu-west-1", "us-east-1"]) {
            for (let count = 0; count < 5; count += 1) {
                await slots.take({ ...here, region }, options);
            }
        }
        expect(lines).to.deep.equal([]);
    });
});

describe("behindBurst", () => {
    it("sends five at once, and the others as EC2's bucket fills", () => {
        expect(Array.from({ length: 10 }, (_, before) => behindBurst(before))).to.deep.equal([
            0, 0, 0, 0, 0, 200, 400, 600, 800, 1000,
        ]);
    });
});
