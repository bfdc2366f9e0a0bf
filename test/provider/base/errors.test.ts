import { expect } from "chai";
import { type Failure, SnapshotError, combine, messageOf, reasonCodes } from "../../../provider/base/errors";

const failure: Failure = {
    code: "PRE_FREEZE_FAILED",
    message: "Pre-freeze exited 1.",
    remedy: "See its log.",
};

describe("SnapshotError", () => {
    it("tells code, instance, what failed, what state things are in, what to do", () => {
        const error = new SnapshotError(failure, {
            instanceId: "i-12345678",
            state: "the instance is awake.",
        });
        expect(error.message).to.equal(
            "PRE_FREEZE_FAILED (i-12345678): Pre-freeze exited 1. State: the instance is awake. What to do: See its log.",
        );
        expect(error.code).to.equal("PRE_FREEZE_FAILED");
        expect(error.name).to.equal("SnapshotError");
        expect(error).to.be.instanceOf(Error);
    });

    it("leaves out what is not known", () => {
        expect(new SnapshotError(failure).message).to.equal(
            "PRE_FREEZE_FAILED: Pre-freeze exited 1. What to do: See its log.",
        );
    });

    it("learns more on its way up, and keeps its cause", () => {
        const cause = new Error("socket");
        const error = new SnapshotError(failure, { cause, state: "not known." }).withContext({
            instanceId: "i-12345678",
            state: "awake.",
        });
        expect(error.cause).to.equal(cause);
        expect(error.message).to.match(/\(i-12345678\).*State: awake\./);
        expect(error.message).not.to.include("not known");
    });
});

describe("combine", () => {
    const other: Failure = { code: "SUDO_REFUSED", message: "Sudo asks.", remedy: "NOPASSWD." };

    it("tells all failures in order, each with its code", () => {
        expect(combine("PRECONDITION_FAILED", [failure, other])).to.deep.equal({
            code: "PRECONDITION_FAILED",
            message: "[PRE_FREEZE_FAILED] Pre-freeze exited 1. [SUDO_REFUSED] Sudo asks.",
            remedy: "See its log. NOPASSWD.",
        });
    });

    it("leaves a single one of that code as it is, and names the code of another", () => {
        expect(combine("SUDO_REFUSED", [other])).to.equal(other);
        expect(combine("PRECONDITION_FAILED", [other]).message).to.equal("[SUDO_REFUSED] Sudo asks.");
    });
});

describe("reason codes", () => {
    it("are each there once, in capitals", () => {
        expect(new Set(reasonCodes).size).to.equal(reasonCodes.length);
        for (const code of reasonCodes) {
            expect(code).to.match(/^[A-Z]+(_[A-Z]+)*$/);
        }
    });
});

describe("messageOf", () => {
    it("has a text for whatever was thrown", () => {
        expect([new Error("a"), "b", undefined, null, { c: 1 }].map(messageOf)).to.deep.equal([
            "a",
            "b",
            "undefined",
            "null",
            "[object Object]",
        ]);
    });
});
