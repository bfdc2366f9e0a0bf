import { expect } from "chai";
import { ApiSlots } from "../../../provider/aws/apiSlots";

const here = { accountId: "123456789012", region: "eu-west-1" };
/** A timer may fire a little before its time. */
const TIMER_MS = 2;

describe("ApiSlots", () => {
    let lines: string[];
    let waiting: { log: (line: string) => void; signal: AbortSignal };

    beforeEach(() => {
        lines = [];
        waiting = { log: (line: string) => void lines.push(line), signal: AbortSignal.timeout(10_000) };
    });

    it("lets four pass at once, then one by one, and says that it waits", async () => {
        const slots = new ApiSlots();
        for (let count = 0; count < 4; count += 1) {
            await slots.take(here, waiting);
        }
        expect(lines).to.deep.equal([]);
        const began = performance.now();
        await slots.take(here, waiting);
        expect(performance.now() - began).to.be.greaterThan(100);
        expect(lines).to.deep.equal([
            "waiting for EC2's limit of CreateSnapshots; nothing is frozen meanwhile",
        ]);
    });

    it("has those of each account and region", async () => {
        const slots = new ApiSlots();
        for (const region of ["eu-west-1", "us-east-1"]) {
            for (let count = 0; count < 4; count += 1) {
                await slots.take({ ...here, region }, waiting);
                await slots.use({ ...here, region }, waiting.signal);
            }
        }
        expect(lines).to.deep.equal([]);
    });

    it("lets ten that use theirs at once pass in turn, four of them at once, each further one 0.2 s later", async () => {
        const slots = new ApiSlots();
        const began = performance.now();
        const order: number[] = [];
        const times = await Promise.all(
            Array.from({ length: 10 }, async (_, index) => {
                await slots.use(here, waiting.signal);
                order.push(index);
                return performance.now() - began;
            }),
        );
        expect(order).to.deep.equal([...order].sort((a, b) => a - b));
        times.forEach((time, index) => {
            expect(time, `of ${index}`).to.be.at.least(Math.max(0, index - 3) * 200 - TIMER_MS);
        });
    });

    it("keeps nobody who has a slot, and nothing frozen, waiting for those that were used before", async () => {
        const slots = new ApiSlots();
        // As a group of four: dry runs, and then the requests.
        for (let count = 0; count < 4; count += 1) {
            await slots.take(here, waiting);
            await slots.use(here, waiting.signal);
        }
        await Promise.all(Array.from({ length: 4 }, () => slots.take(here, waiting)));
        const began = performance.now();
        await Promise.all(Array.from({ length: 4 }, () => slots.use(here, waiting.signal)));
        // Each that is missing would take 200 ms.
        expect(performance.now() - began).to.be.lessThan(600);
    });

    it("ends the wait of one that is given up", async () => {
        const slots = new ApiSlots();
        for (let count = 0; count < 4; count += 1) {
            await slots.use(here, waiting.signal);
        }
        const givenUp = new AbortController();
        const using = slots.use(here, givenUp.signal).then(
            () => "used",
            (reason: unknown) => reason,
        );
        givenUp.abort("in vain");
        expect(await using).to.equal("in vain");
    });
});
