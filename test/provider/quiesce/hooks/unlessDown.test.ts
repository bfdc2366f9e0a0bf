import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { pause } from "../../../../provider/base/pause";
import { unlessDown } from "../../../../provider/quiesce/hooks/unlessDown";
import { timing } from "../../../../provider/base/timing";
import { rejection } from "../../../../lab/rejection";

describe("what waits for a host that may be booting", () => {
    const usual = timing.downPauseMs;
    const { signal } = new AbortController();
    const forLong = async (limited: AbortSignal) => pause(20_000, limited);

    before(() => (timing.downPauseMs = 10));
    after(() => (timing.downPauseMs = usual));

    it("goes on while the instance is not down", async () => {
        let asked = 0;
        const isDown = () => Promise.resolve((asked += 1) < 0);
        const work = async () => {
            await sleep(100);
            return "awake";
        };
        expect(await unlessDown(isDown, signal, work)).to.equal("awake");
        expect(asked).to.be.above(1);
        const before = asked;
        await sleep(50);
        expect(asked, "nobody asks any more").to.be.at.most(before + 1);
    });

    it("ends as soon as it is down", async () => {
        const since = performance.now();
        expect(await unlessDown(() => Promise.resolve(true), signal, forLong)).to.equal(undefined);
        expect(performance.now() - since).to.be.below(5_000);
    });

    it("asks again when EC2 does not answer", async () => {
        let asked = 0;
        const isDown = () => {
            asked += 1;
            return asked < 3 ? Promise.reject(new Error("busy")) : Promise.resolve(true);
        };
        expect(await unlessDown(isDown, signal, forLong)).to.equal(undefined);
    });

    it("fails as the work does, and when it is interrupted", async () => {
        const fails = () => Promise.reject(new Error("refused"));
        const isUp = () => Promise.resolve(false);
        expect((await rejection(unlessDown(isUp, signal, fails))).message).to.equal("refused");
        const interrupted = AbortSignal.abort(new Error("interrupted"));
        expect((await rejection(unlessDown(isUp, interrupted, forLong))).message).to.equal("interrupted");
    });
});
