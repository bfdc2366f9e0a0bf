import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { type Warm, keepWarm } from "../../../provider/run/keepWarm";
import { timing } from "../../../provider/base/timing";

type Name = "a" | "b";

describe("keepWarm", () => {
    const usual = { ...timing };
    let touched: Name[];
    let open: Warm<Name> | undefined;

    beforeEach(() => {
        Object.assign(timing, { keepWarmMs: 1, touchLimitMs: 60_000 });
        touched = [];
    });
    afterEach(async () => {
        await open?.end();
        Object.assign(timing, usual);
    });

    /** Keeps two open; resolves when so many calls have begun. */
    async function keep(
        calls: number,
        touch: (name: Name, signal: AbortSignal) => Promise<unknown>,
    ): Promise<Warm<Name>> {
        let reached: (() => void) | undefined;
        const enough = new Promise<void>((resolve) => (reached = resolve));
        const warm = keepWarm<Name>(["a", "b"], (name, signal) => {
            touched.push(name);
            if (touched.length === calls) {
                reached?.();
            }
            return touch(name, signal);
        });
        open = warm;
        await enough;
        return warm;
    }

    const untilAborted = (signal: AbortSignal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cut off"))));

    it("calls over one after the other, again and again, also after a call has failed, until one is picked", async () => {
        const warm = await keep(5, () => Promise.reject(new Error("no answer")));
        warm.pick();
        expect(touched.slice(0, 5)).to.deep.equal(["a", "b", "a", "b", "a"]);
        const before = touched.length;
        await sleep(20);
        expect(touched).to.have.length(before);
    });

    it("hands out at once the one that is not busy, and cuts off no call", async () => {
        let cut = false;
        const warm = await keep(2, async (name, signal) => {
            signal.addEventListener("abort", () => (cut = true));
            await (name === "b" ? untilAborted(signal) : undefined);
        });
        expect(warm.pick()).to.equal("a");
        await sleep(20);
        expect(cut).to.equal(false);
        await warm.end();
        expect(cut).to.equal(true);
    });

    it("hands out the one that has answered last", async () => {
        // Whether or not the fourth has begun: it is over b.
        const warm = await keep(3, (_, signal) =>
            touched.length < 4 ? Promise.resolve() : untilAborted(signal),
        );
        await new Promise(setImmediate);
        expect(warm.pick()).to.equal("a");
    });

    it("hands out one that is open rather than one whose call had no answer", async () => {
        timing.touchLimitMs = 1;
        const warm = await keep(3, (name, signal) =>
            name === "a" ? untilAborted(signal) : Promise.resolve(),
        );
        expect(warm.pick()).to.equal("b");
    });

    it("does not wait for ever for a call: the other one idles meanwhile", async () => {
        timing.touchLimitMs = 5;
        await keep(4, (_, signal) => untilAborted(signal));
        expect(touched).to.deep.equal(["a", "b", "a", "b"]);
    });

    it("has nothing under way when it has ended", async () => {
        let underWay = 0;
        const warm = await keep(1, async (_, signal) => {
            underWay += 1;
            await untilAborted(signal).catch(() => undefined);
            await sleep(10);
            underWay -= 1;
        });
        await warm.end();
        expect(underWay).to.equal(0);
    });
});
