import { expect } from "chai";
import type { ConsistencyLevel, Evidence } from "../../../provider/base/evidence";
import { withLoss } from "../../../provider/run/withLoss";

const LOST = ["snap-1 was deleted"];

function taken(consistencyLevel: ConsistencyLevel, evidence: Partial<Evidence> = {}) {
    return {
        consistencyLevel,
        evidence: { executionId: "acs-1", completion: "completed" as const, ...evidence },
        lost: [] as readonly string[],
    };
}

describe("a set of which a part is lost", () => {
    for (const level of ["application", "filesystem", "crash"] as const) {
        it(`was ${level}: it is crash, and says why and what it was`, () => {
            const { consistencyLevel, evidence, lost } = withLoss(taken(level), LOST);
            expect([consistencyLevel, lost]).to.deep.equal(["crash", LOST]);
            expect(evidence).to.include({
                takenLevel: level,
                reason: "SNAPSHOT_LOST",
                message: "The set is not whole: snap-1 was deleted.",
            });
        });
    }

    it("keeps the reason and the message that it had", () => {
        const before = taken("crash", { reason: "HOLD_LOST", message: "It was not held." });
        expect(withLoss(before, LOST).evidence).to.include({
            reason: "HOLD_LOST",
            message: "The set is not whole: snap-1 was deleted. It was not held.",
        });
    });

    for (const before of [
        taken("application"),
        taken("filesystem", { message: "Remove /run/x by hand." }),
        taken("crash", { reason: "HOLD_LOST", message: "It was not held." }),
    ]) {
        it(`is as it was taken when it is whole again: ${JSON.stringify(before)}`, () => {
            const lacking = withLoss(before, LOST);
            expect(withLoss(lacking, LOST)).to.deep.equal(lacking);
            const less = withLoss(lacking, [...LOST, "snap-2 was deleted"]);
            expect(less.evidence.takenLevel).to.equal(before.consistencyLevel);
            expect(withLoss(less, [])).to.deep.equal(before);
        });
    }

    it("stays what its tags said of it", () => {
        const found = taken("crash", { reason: "SNAPSHOT_LOST", message: "The set is not whole: x." });
        expect(withLoss(found, LOST)).to.deep.equal({ ...found, lost: LOST });
    });
});
