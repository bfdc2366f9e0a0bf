import { expect } from "chai";
import { type GuardLine, parseGuardLine } from "../../../provider/quiesce/guardProgram";
import type { GuardEvent } from "../../../provider/quiesce/guardSession";
import { holdEnd } from "../../../provider/quiesce/hold";

const ASKED_AT = 1000;

const event = (text: string, at: number): GuardEvent => {
    const line: GuardLine = parseGuardLine(text);
    return { text, line, at, time: "2026-01-01T00:00:00.000Z" };
};

describe("holdEnd", () => {
    const rows: [what: string, releasing: GuardEvent | undefined, end: string][] = [
        ["an answer to the question", event("releasing asked", ASKED_AT + 3), "asked"],
        ["an answer in the very instant", event("releasing asked", ASKED_AT), "asked"],
        ["an answer from before the question", event("releasing asked", ASKED_AT - 1), "eof"],
        ["the limit, before the question", event("releasing expired", ASKED_AT - 500), "expired"],
        ["the limit, at the same time as the question", event("releasing expired", ASKED_AT + 1), "expired"],
        ["a killed holder", event("releasing lost", ASKED_AT + 1), "lost"],
        ["the end of the connection", event("releasing eof", ASKED_AT + 1), "eof"],
        ["no answer", undefined, "eof"],
        ["another line", event("thawed 0", ASKED_AT + 1), "eof"],
        ["an answer that says nothing known", event("releasing maybe", ASKED_AT + 1), "eof"],
    ];
    for (const [what, releasing, expected] of rows) {
        it(`${what}: ${expected}`, () => {
            expect(holdEnd(releasing, ASKED_AT)).to.equal(expected);
        });
    }
});
