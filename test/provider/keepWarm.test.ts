import { expect } from "chai";
import { keepWarm } from "../../provider/keepWarm";
import { timing } from "../../provider/timing";

describe("keepWarm", () => {
    const usual = { ...timing };
    beforeEach(() => Object.assign(timing, { keepWarmMs: 1, lastTouchMs: 60_000 }));
    afterEach(() => Object.assign(timing, usual));

    it("calls again and again, also after a call has failed, until it is ended", async () => {
        let calls = 0;
        let stop: (() => Promise<void>) | undefined;
        await new Promise<void>((resolve) => {
            stop = keepWarm(() => {
                calls += 1;
                if (calls === 3) {
                    resolve();
                }
                return Promise.reject(new Error("no answer"));
            });
        });
        await stop?.();
        const before = calls;
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(calls).to.equal(before);
    });

    it("has nothing under way when it has ended", async () => {
        let underWay = 0;
        let begun: (() => void) | undefined;
        const first = new Promise<void>((resolve) => (begun = resolve));
        const stop = keepWarm(async () => {
            underWay += 1;
            begun?.();
            await new Promise((resolve) => setTimeout(resolve, 30));
            underWay -= 1;
        });
        await first;
        await stop();
        expect(underWay).to.equal(0);
    });

    it("cuts off a call that takes long", async () => {
        timing.lastTouchMs = 10;
        let begun: (() => void) | undefined;
        const first = new Promise<void>((resolve) => (begun = resolve));
        const stop = keepWarm(async (signal) => {
            begun?.();
            await new Promise((_, reject) =>
                signal.addEventListener("abort", () => reject(new Error("cut off"))),
            );
        });
        await first;
        await stop();
    });
});
