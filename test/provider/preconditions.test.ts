import { expect } from "chai";
import type { Failure, ReasonCode } from "../../provider/errors";
import { preconditionError } from "../../provider/preconditions";
import { QuiesceError } from "../../provider/quiesce/quiesceError";

const failure = (code: ReasonCode): Failure => ({ code, message: `${code} it is.`, remedy: `Mend ${code}.` });
const error = (...codes: ReasonCode[]) => preconditionError(codes.map(failure));

describe("preconditionError", () => {
    it("is none when nothing failed", () => {
        expect(error()).to.equal(undefined);
    });

    const soft: ReasonCode[] = [
        "SSH_UNREACHABLE",
        "SSH_LOGIN_REFUSED",
        "SUDO_REFUSED",
        "SCRIPT_MISSING",
        "SCRIPT_UNSAFE",
        "HOST_UNSUITABLE",
        "HOST_BUSY",
        "UNEXPECTED_OUTPUT",
        "INSTANCE_STATE",
    ];
    for (const code of soft) {
        it(`lets a plain set take the place: ${code}`, () => {
            const found = error(code);
            expect(found).to.be.instanceOf(QuiesceError);
            expect(found).to.include({
                code: "PRECONDITION_FAILED",
                awake: true,
                mayFallBack: true,
                froze: false,
            });
            expect(found?.message).to.include(`[${code}] ${code} it is.`).and.include(`Mend ${code}.`);
        });
    }

    const hard: ReasonCode[] = [
        "SSH_HOST_KEY_MISMATCH",
        "WRONG_INSTANCE",
        "ACCESS_DENIED",
        "SNAPSHOT_LIMIT",
        "TOO_MANY_TAGS",
        "SPLIT_VOLUME_GROUP",
        "CREDENTIALS_EXPIRE",
        "MULTI_ATTACH",
        "AWS_ERROR",
        "STALE_FREEZE",
    ];
    for (const code of hard) {
        it(`is always an error: ${code}`, () => {
            const found = error(code);
            expect(found).not.to.be.instanceOf(QuiesceError);
            expect(found?.code).to.equal(code);
        });
    }

    it("tells all, hard ones first, and is an error then", () => {
        const found = error("SUDO_REFUSED", "ACCESS_DENIED", "SCRIPT_MISSING", "SNAPSHOT_LIMIT");
        expect(found).not.to.be.instanceOf(QuiesceError);
        expect(found?.code).to.equal("ACCESS_DENIED");
        expect(found?.failure.message).to.equal(
            "[ACCESS_DENIED] ACCESS_DENIED it is. [SNAPSHOT_LIMIT] SNAPSHOT_LIMIT it is. " +
                "[SUDO_REFUSED] SUDO_REFUSED it is. [SCRIPT_MISSING] SCRIPT_MISSING it is.",
        );
        expect(found?.failure.remedy.match(/Mend/g)).to.have.length(4);
    });
});
