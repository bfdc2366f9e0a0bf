import { expect } from "chai";
import { type LevelFacts, type ProvenLevel, provenLevel, reaches } from "../../../provider/base/consistency";
import { levels } from "../../../provider/base/evidence";

/** Proven in every respect. */
const best: LevelFacts = {
    vouchedLevel: "application",
    held: true,
    identityVerified: true,
    multiAttached: false,
    stopped: false,
};

describe("provenLevel", () => {
    const rows: [what: string, facts: Partial<LevelFacts>, ProvenLevel][] = [
        ["all is proven", {}, { level: "application" }],
        ["scripts vouch for file systems", { vouchedLevel: "filesystem" }, { level: "filesystem" }],
        ["nothing was quiesced", { vouchedLevel: "crash", held: false }, { level: "crash" }],
        ["nothing was quiesced, whatever else is well", { vouchedLevel: "crash" }, { level: "crash" }],
        [
            "the freeze expired",
            { held: false, reason: "FREEZE_EXPIRED" },
            { level: "crash", reason: "FREEZE_EXPIRED" },
        ],
        [
            "the hold is unproven",
            { held: false, reason: "HOLD_UNPROVEN" },
            { level: "crash", reason: "HOLD_UNPROVEN" },
        ],
        ["the hold was lost", { held: false, reason: "HOLD_LOST" }, { level: "crash", reason: "HOLD_LOST" }],
        ["not held, nobody knows why", { held: false }, { level: "crash" }],
        [
            "a fallback after a failed pre-freeze",
            { vouchedLevel: "crash", held: false, reason: "PRE_FREEZE_FAILED" },
            { level: "crash", reason: "PRE_FREEZE_FAILED" },
        ],
        [
            "a stopped instance",
            { vouchedLevel: "crash", held: false, stopped: true },
            { level: "crash", reason: "STOPPED" },
        ],
        [
            "a stopped instance, and a fallback for a reason of its own",
            { vouchedLevel: "crash", held: false, stopped: true, reason: "PRECONDITION_FAILED" },
            { level: "crash", reason: "PRECONDITION_FAILED" },
        ],
        ["a shared volume", { multiAttached: true }, { level: "crash", reason: "MULTI_ATTACH" }],
        [
            "an unverified identity",
            { identityVerified: false },
            { level: "crash", reason: "IDENTITY_UNVERIFIED" },
        ],
        [
            "a shared volume and an unverified identity",
            { multiAttached: true, identityVerified: false },
            { level: "crash", reason: "MULTI_ATTACH" },
        ],
        [
            "not held is the reason before any cap",
            { held: false, reason: "FREEZE_EXPIRED", multiAttached: true, identityVerified: false },
            { level: "crash", reason: "FREEZE_EXPIRED" },
        ],
    ];

    for (const [what, facts, expected] of rows) {
        it(`${what}: ${expected.level}${expected.reason === undefined ? "" : `, ${expected.reason}`}`, () => {
            expect(provenLevel({ ...best, ...facts })).to.deep.equal(expected);
        });
    }

    it("is above crash for no combination but the proven ones", () => {
        const booleans = [true, false];
        for (const vouchedLevel of levels) {
            for (const held of booleans) {
                for (const identityVerified of booleans) {
                    for (const multiAttached of booleans) {
                        for (const stopped of booleans) {
                            const { level } = provenLevel({
                                vouchedLevel,
                                held,
                                identityVerified,
                                multiAttached,
                                stopped,
                            });
                            const proven = held && identityVerified && !multiAttached && !stopped;
                            expect(level).to.equal(proven ? vouchedLevel : "crash");
                        }
                    }
                }
            }
        }
    });
});

describe("reaches", () => {
    it("compares every level with every other", () => {
        const table = levels.map((level) => levels.map((minimum) => reaches(level, minimum)));
        expect(table).to.deep.equal([
            [true, true, true],
            [false, true, true],
            [false, false, true],
        ]);
    });
});
