import { expect } from "chai";
import { poll } from "../../../provider/base/poll";
import { rejection } from "../../../lab/rejection";

const signal = new AbortController().signal;
const inAMinute = () => performance.now() + 60_000;

describe("poll", () => {
    it("asks until there is an answer, which may be null or false", async () => {
        for (const answer of ["x", null, false, 0]) {
            let asked = 0;
            const found = await poll(() => Promise.resolve(++asked === 3 ? answer : undefined), {
                deadline: inAMinute(),
                interval: 1,
                signal,
            });
            expect(found).to.equal(answer);
            expect(asked).to.equal(3);
        }
    });

    it("says once that it waits, and only when it does", async () => {
        for (const [needed, told] of [
            [1, 0],
            [2, 1],
            [4, 1],
        ] as const) {
            let asked = 0;
            let waits = 0;
            const onWait = () => void (waits += 1);
            const probe = () => Promise.resolve(++asked === needed ? true : undefined);
            await poll(probe, { deadline: inAMinute(), interval: 1, signal, onWait });
            expect(waits).to.equal(told);
        }
    });

    it("asks at least once, and once more at the deadline, then answers nothing", async () => {
        let asked = 0;
        const probe = () => {
            asked += 1;
            return Promise.resolve(undefined);
        };
        const late = { deadline: performance.now() - 1, interval: 1, signal };
        expect(typeof (await poll<string>(probe, late))).to.equal("undefined");
        expect(asked).to.equal(1);
        const soon = { deadline: performance.now() + 30, interval: 60_000, signal };
        expect(typeof (await poll<string>(probe, soon))).to.equal("undefined");
        expect(asked).to.be.within(3, 4);
    });

    it("ends with what the probe throws", async () => {
        const broken = new Error("broken");
        const options = { deadline: inAMinute(), interval: 1, signal };
        expect(await rejection(poll(() => Promise.reject(broken), options))).to.equal(broken);
    });

    it("ends when it is aborted: before it asks, and while it pauses", async () => {
        let asked = 0;
        const probe = () => {
            asked += 1;
            return Promise.resolve(undefined);
        };
        const options = { deadline: inAMinute(), interval: 60_000 };
        await rejection(poll(probe, { ...options, signal: AbortSignal.abort() }));
        expect(asked).to.equal(0);

        const controller = new AbortController();
        const polling = rejection(poll(probe, { ...options, signal: controller.signal }));
        setImmediate(() => controller.abort());
        await polling;
        expect(asked).to.equal(1);
    });
});
