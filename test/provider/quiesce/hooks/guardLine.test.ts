import { expect } from "chai";
import fc from "fast-check";
import { parseGuardLine, type GuardLine } from "../../../../provider/quiesce/hooks/guardLine";

describe("parseGuardLine", () => {
    const LINES: Record<string, GuardLine> = {
        "refused HOST_BUSY acs-2 i-1": { kind: "refused", code: "HOST_BUSY", text: "acs-2 i-1" },
        "recovered acs-0 205": { kind: "recovered", executionId: "acs-0", end: 205, current: false },
        "recovered acs-0 0 current": { kind: "recovered", executionId: "acs-0", end: 0, current: true },
        "confirmed acs-0": { kind: "confirmed", executionId: "acs-0" },
        "rehearsed 1": { kind: "rehearsed", end: 1 },
        "tried 1": { kind: "tried", end: 1, current: false },
        "tried timeout current": { kind: "tried", end: "timeout", current: true },
        "refused NOT_ROOT 33": { kind: "refused", code: "NOT_ROOT", text: "33" },
        "ready dmi b-1": { kind: "ready", identity: "dmi", bootId: "b-1" },
        freezing: { kind: "freezing" },
        frozen: { kind: "frozen" },
        "unfrozen 3": { kind: "unfrozen", why: 3 },
        "unfrozen eof": { kind: "unfrozen", why: "eof" },
        "unfrozen silent": { kind: "unfrozen", why: "silent" },
        "releasing silent": { kind: "releasing", why: "silent" },
        "unfrozen timeout": { kind: "unfrozen", why: "timeout" },
        "unfrozen lost": { kind: "unfrozen", why: "lost" },
        "releasing asked": { kind: "releasing", why: "asked" },
        "releasing unheld": { kind: "releasing", why: "unheld" },
        "thawed 0": { kind: "thawed", end: 0 },
        "thawed lost": { kind: "thawed", end: "lost" },
        "output pre aGk=": { kind: "output", hook: "pre", bytes: Buffer.from("hi") },
        "cleaned ok": { kind: "cleaned", ok: true, left: "" },
        "cleaned failed /run/x y": { kind: "cleaned", ok: false, left: "/run/x y" },
        "gone dmi b-1": { kind: "gone", identity: "dmi", bootId: "b-1" },
        "gone other b-1": { kind: "gone", identity: "other", bootId: "b-1" },
    };
    for (const [line, parsed] of Object.entries(LINES)) {
        it(line, () => expect(parseGuardLine(line)).to.deep.equal(parsed));
    }

    it("calls unknown what it does not know", () => {
        for (const line of [
            "",
            "Welcome!",
            "refused X y",
            "ready dmi",
            "ready other b",
            "gone",
            "gone dmi",
            "gone who b",
            "thawed",
            "thawed x",
            "thawed 1234",
            "releasing",
            "constructor",
            "__proto__",
            "toString x",
        ]) {
            expect(parseGuardLine(line)).to.deep.equal({ kind: "unknown", line });
        }
    });

    it("never throws", () => {
        fc.assert(
            fc.property(fc.string(), (line) => {
                parseGuardLine(line);
            }),
        );
    });
});
