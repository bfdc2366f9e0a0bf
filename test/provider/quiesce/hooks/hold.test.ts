import { expect } from "chai";
import { type GuardLine, parseGuardLine } from "../../../../provider/quiesce/hooks/guardLine";
import type { GuardEvent, GuardSession } from "../../../../provider/quiesce/hooks/guardSession";
import { endOfOutput, hold, holdEnd, hookOutput } from "../../../../provider/quiesce/hooks/hold";
import type { QuiesceError } from "../../../../provider/quiesce/quiesceError";
import { rejection } from "../../../../lab/rejection";
import { holdSettings } from "../../../../lab/scenes/holdSettings";

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
        ["scripts that do not hold", event("releasing unheld", ASKED_AT + 1), "unheld"],
        ["what ended the guard on the host", event("releasing eof", ASKED_AT + 1), "ended"],
        ["nothing heard of us", event("releasing silent", ASKED_AT + 1), "silent"],
        ["no answer", undefined, "eof"],
        ["another line", event("thawed 0", ASKED_AT + 1), "eof"],
        ["an answer that says nothing known", event("releasing maybe", ASKED_AT + 1), "eof"],
    ];
    for (const [what, releasing, expected] of rows) {
        it(`${what}: ${expected}`, () => {
            expect(holdEnd({ ...(releasing && { releasing }), end: 0 }, ASKED_AT)).to.equal(expected);
        });
    }

    const asked = event("releasing asked", ASKED_AT + 3);
    const late = event("releasing expired", ASKED_AT - 3);
    const ends: [what: string, thaw: Parameters<typeof holdEnd>[0], end: string][] = [
        ["post-thaw's first try says that all was thawed", { releasing: asked, end: 205 }, "thawed"],
        [
            "a later try says so: the one before may have thawed",
            { releasing: asked, end: 205, triedBefore: true },
            "asked",
        ],
        ["post-thaw fails: held it was", { releasing: asked, end: 1 }, "asked"],
        ["how post-thaw ended was not heard", { releasing: asked }, "asked"],
        ["the limit came first, whatever post-thaw says", { releasing: late, end: 205 }, "expired"],
    ];
    for (const [what, thaw, expected] of ends) {
        it(`${what}: ${expected}`, () => {
            expect(holdEnd(thaw, ASKED_AT)).to.equal(expected);
        });
    }
});

describe("hookOutput", () => {
    it("is named by its script, and masked", () => {
        const bytes = Buffer.from("no s3cret\n");
        const output = (hook: "pre" | "post") => hookOutput({ kind: "output", hook, bytes }, ["s3cret"]);
        expect(output("pre")).to.deep.equal({ preFreeze: "no [secret]\n" });
        expect(output("post")).to.deep.equal({ postThaw: "no [secret]\n" });
    });
});

describe("endOfOutput", () => {
    it("is all of what is short", () => {
        expect(endOfOutput(Buffer.from("one\ntwo\n"))).to.equal("one\ntwo\n");
    });

    it("leaves out the line that was cut", () => {
        const cut = Buffer.from(`${"x".repeat(2039)}\nthe end\n`);
        expect(cut).to.have.length(2048);
        expect(endOfOutput(cut)).to.equal("the end\n");
    });

    it("is nothing when all of it is one line that was cut", () => {
        expect(endOfOutput(Buffer.alloc(2048, "x"))).to.equal("");
    });
});

describe("hold, when the word to freeze", () => {
    /** A guard that says this and no more, as long as its input is open. */
    function guardThatSays(lines: string[], saidAt = () => performance.now()): GuardSession {
        const left = [...lines];
        let ended = false;
        const guard = {
            get ended() {
                return ended;
            },
            say: () => undefined,
            letGo: () => (ended = true),
            next: () => {
                const line = left.shift();
                return Promise.resolve(line === undefined ? undefined : event(line, saidAt()));
            },
        };
        return guard as unknown as GuardSession;
    }

    async function failureOf(guard: GuardSession): Promise<QuiesceError> {
        return await rejection<QuiesceError>(hold(guard, holdSettings()));
    }

    it("is refused, names why: pre-freeze never started", async () => {
        const error = await failureOf(guardThatSays(["refused HOST_UNSUITABLE /run is full"]));
        expect(error).to.include({ code: "HOST_UNSUITABLE", awake: true, froze: false, mayFallBack: true });
        expect(error.message).to.include("/run is full");
    });

    it("gets no answer in time, does not claim that the connection was lost", async () => {
        const error = await failureOf(guardThatSays(["freezing"]));
        expect(error).to.include({ code: "CONNECTION_LOST", froze: true });
        expect(error.message).to.include("did not answer in time");
    });

    it("is refused after pre-freeze has started, believes nothing", async () => {
        const error = await failureOf(guardThatSays(["freezing", "refused HOST_UNSUITABLE /run is full"]));
        expect(error).to.include({ code: "UNEXPECTED_OUTPUT", froze: true });
    });

    it("was answered before it was said, believes nothing", async () => {
        const error = await failureOf(guardThatSays(["freezing", "frozen"], () => 0));
        expect(error).to.include({ code: "UNEXPECTED_OUTPUT", froze: true });
    });
});
