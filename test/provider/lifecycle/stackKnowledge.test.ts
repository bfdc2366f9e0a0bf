import { expect } from "chai";
import type { SnapshotInputs } from "../../../provider/inputs/inputs";
import { StackKnowledge, type State } from "../../../provider/lifecycle/stackKnowledge";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("what earlier calls of the engine have told", () => {
    const inputs = (changes: Partial<SnapshotInputs> = {}): SnapshotInputs => ({
        instanceId: "i-0123456789abcdef0",
        quiesce: { method: "none" },
        owner: "urn:nightly",
        ...changes,
    });
    const state = (changes: Partial<State> = {}) => ({ snapshotIds: [], ...changes }) as unknown as State;

    it("is nothing at first", () => {
        const stack = new StackKnowledge();
        expect([...stack.setsOf("urn:nightly")]).to.deep.equal([]);
        expect(stack.pendingOf("urn:nightly")).to.equal(undefined);
        expect(stack.inputsOf("urn:nightly")).to.equal(undefined);
        expect(stack.isHealed("acs-1")).to.equal(false);
    });

    it("names the sets of a resource, with those that the engine has not deleted yet", () => {
        const stack = new StackKnowledge();
        stack.learn("acs-2", state({ replaced: ["acs-1"] }), inputs());
        stack.learn("acs-3", state(), inputs({ owner: "urn:other" }));
        expect([...stack.setsOf("urn:nightly")]).to.deep.equal(["acs-1", "acs-2"]);
    });

    it("names what may be frozen, until it is healed", () => {
        const stack = new StackKnowledge();
        stack.learn("acs-1", state({ thawPending: true }), inputs());
        expect(stack.pendingOf("urn:nightly")?.id).to.equal("acs-1");
        stack.learn("acs-2", state({ healed: ["acs-1"] }), inputs({ owner: "urn:other" }));
        expect(stack.isHealed("acs-1")).to.equal(true);
        expect(stack.pendingOf("urn:nightly")).to.equal(undefined);
    });

    it("takes a state's word for what it has healed, whoever asks about it", () => {
        const stack = new StackKnowledge();
        stack.learnState({ healed: ["acs-1", "acs-2"] });
        stack.learnState({});
        expect(["acs-1", "acs-2", "acs-3"].map((id) => stack.isHealed(id))).to.deep.equal([
            true,
            true,
            false,
        ]);
    });

    it("has no way to a host that is not known yet", () => {
        const stack = new StackKnowledge();
        stack.learn("acs-1", state(), inputs());
        expect(stack.inputsOf("urn:nightly")).to.deep.equal(inputs());
        stack.learn("acs-1", state(), inputs({ instanceId: UNKNOWN }));
        expect(stack.inputsOf("urn:nightly")).to.equal(undefined);
    });
});
