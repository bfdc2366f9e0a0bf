import { expect } from "chai";
import { SnapshotError } from "../../../provider/base/errors";
import { type SnapshotState, UnfinishedError, quiesceKey, toState } from "../../../provider/run/state";

describe("state", () => {
    it("has no undefined anywhere, which Pulumi's protocol fails on", () => {
        const values = {
            a: undefined,
            b: { c: undefined, d: [1, { e: undefined }] },
            f: null,
            g: false,
            h: "",
        };
        const state = toState(values);
        expect(JSON.stringify(state)).to.equal('{"b":{"d":[1,{}]},"f":null,"g":false,"h":""}');
        expect(Object.keys(state)).not.to.include("a");
        expect(Object.keys(state.b)).to.deep.equal(["d"]);
    });

    it("has nothing of quiesce but what replaces: the rest holds secrets", () => {
        const quiesce = { method: "hooks", connection: { password: "secret" } } as const;
        expect(quiesceKey(quiesce)).to.deep.equal({ method: "hooks" });
    });

    it("goes with an error that does not lose its text", () => {
        const error = new SnapshotError(
            { code: "COMPLETION_PENDING", message: "Slow.", remedy: "Run again." },
            { instanceId: "i-12345678", state: "kept." },
        );
        const state = { snapshotIds: ["snap-1"] } as unknown as SnapshotState;
        const unfinished = new UnfinishedError(error, state);
        expect(unfinished.message).to.equal(error.message);
        expect(unfinished.state).to.equal(state);
        expect(unfinished.code).to.equal("COMPLETION_PENDING");
    });
});
