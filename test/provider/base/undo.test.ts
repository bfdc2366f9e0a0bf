import { expect } from "chai";
import { Undo } from "../../../provider/base/undo";

const LONG_MS = 60_000;

describe("Undo", () => {
    let undo: Undo;
    let done: string[];

    beforeEach(() => {
        undo = new Undo();
        done = [];
    });

    const step = (name: string) => () => {
        done.push(name);
        return Promise.resolve();
    };
    const failing = (name: string) => () => {
        done.push(name);
        return Promise.reject(new Error(`no ${name}`));
    };

    it("takes everything back, the last first, one after the other", async () => {
        undo.cleanUp("a", step("a"));
        undo.undo("b", async () => {
            await new Promise((resolve) => setImmediate(resolve));
            done.push("b");
        });
        undo.cleanUp("c", step("c"));
        expect(await undo.unwind(LONG_MS)).to.deep.equal([]);
        expect(done).to.deep.equal(["c", "b", "a"]);
    });

    it("keeps what was made once it is committed, and cleans up all the same", async () => {
        undo.cleanUp("a", step("a"));
        undo.undo("b", step("b"));
        undo.commit();
        undo.undo("c", step("c"));
        await undo.unwind(LONG_MS);
        expect(done).to.deep.equal(["c", "a"]);
    });

    it("does nothing twice", async () => {
        undo.undo("a", step("a"));
        await undo.unwind(LONG_MS);
        await undo.unwind(LONG_MS);
        expect(done).to.deep.equal(["a"]);
    });

    it("goes on after a failure, and tells of each", async () => {
        undo.undo("a", step("a"));
        undo.undo("delete b", failing("b"));
        undo.cleanUp("remove c", failing("c"));
        expect(await undo.unwind(LONG_MS)).to.deep.equal(["remove c: no c", "delete b: no b"]);
        expect(done).to.deep.equal(["c", "b", "a"]);
    });

    it("goes on after a step that throws at once", async () => {
        undo.undo("a", step("a"));
        undo.undo("b", () => {
            throw new Error("at once");
        });
        expect(await undo.unwind(LONG_MS)).to.deep.equal(["b: at once"]);
        expect(done).to.deep.equal(["a"]);
    });

    it("runs what a step registers while it is undone", async () => {
        undo.undo("a", () => {
            undo.cleanUp("b", step("b"));
            return step("a")();
        });
        await undo.unwind(LONG_MS);
        expect(done).to.deep.equal(["a", "b"]);
    });

    it("starts every step, also when one never ends and the limit has passed", async () => {
        undo.undo("a", step("a"));
        undo.undo("b", () => new Promise(() => undefined));
        const problems = await undo.unwind(20);
        expect(problems).to.include("b: not done in time");
        expect(done).to.deep.equal(["a"]);
    });
});
