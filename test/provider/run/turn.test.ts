import { expect } from "chai";
import { timing } from "../../../provider/base/timing";
import { AT_ONCE, Turns } from "../../../provider/run/turn";
import { Undo } from "../../../provider/base/undo";

describe("Turns", () => {
    const usual = { ...timing };
    const never = new AbortController().signal;
    const runs: Undo[] = [];
    let turns: Turns;
    let lines: string[];
    beforeEach(() => {
        turns = new Turns();
        lines = [];
    });
    afterEach(async () => {
        Object.assign(timing, usual);
        await Promise.all(runs.splice(0).map((run) => run.unwind(1_000)));
    });

    async function begin(signal: AbortSignal = never): Promise<Undo> {
        const run = new Undo();
        runs.push(run);
        await turns.take(run, { log: (line) => void lines.push(line), signal });
        return run;
    }

    const all = () => Promise.all(Array.from({ length: AT_ONCE }, () => begin()));

    const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

    it("lets no more begin than its limit, until one has cleaned up", async () => {
        const [first] = await all();
        let hasBegun = false;
        const waiting = begin().then(() => (hasBegun = true));
        await settled();
        expect(hasBegun).to.equal(false);
        expect(lines).to.deep.equal([`waiting for its turn, as ${AT_ONCE} others are beginning`]);
        await first?.unwind(1_000);
        expect(await waiting).to.equal(true);
    });

    it("passes on by itself when somebody takes long", async () => {
        timing.turnMs = 1;
        await all();
        await begin();
    });

    it("is not waited for any more when the run is interrupted, and then keeps nobody waiting", async () => {
        const [first] = await all();
        const interruption = new AbortController();
        const waiting = begin(interruption.signal).catch((error: unknown) => error);
        const reason = new Error("interrupted");
        interruption.abort(reason);
        expect(await waiting).to.equal(reason);
        await runs[AT_ONCE]?.unwind(1_000);
        await first?.unwind(1_000);
        await begin();
    });
});
