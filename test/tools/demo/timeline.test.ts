import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Evidence } from "../../../index";
import { ROOT } from "../../../lab/engine/engine";
import { wrapped } from "../../../tools/demo/narration";
import { timelineOf, timelineText } from "../../../tools/demo/timeline";
import { timelineSvg } from "../../../tools/demo/timelineSvg";

const evidence = {
    executionId: "acs-1",
    completion: "completed",
    hooks: { preFreeze: { exitCode: 0, durationMs: 10 }, postThaw: { exitCode: 0, durationMs: 20 } },
    frozenAt: "2026-01-01T00:00:00.100Z",
    requestedAt: "2026-01-01T00:00:00.105Z",
    apiMs: 30,
    freezeWindowMs: 40,
    quiescedMs: 80,
} as const satisfies Evidence;

describe("the demo's timeline", () => {
    it("is drawn from the evidence alone, in milliseconds from the start of pre-freeze", () => {
        const { spans, askedAt } = timelineOf(evidence);
        expect(spans.map(({ what, from, to }) => [what, from, to])).to.deep.equal([
            ["pre-freeze runs", 0, 10],
            ["frozen", 10, 50],
            ["CreateSnapshots", 15, 45],
            ["post-thaw runs", 50, 80],
        ]);
        expect(askedAt).to.equal(50);
    });

    it("has bars to one scale, in lines that fit", () => {
        expect(timelineText(timelineOf(evidence))).to.deep.equal([
            "pre-freeze runs  |######                                          |    10.0 ms",
            "frozen           |      ########################                  |    40.0 ms",
            "CreateSnapshots  |         ##################                     |    30.0 ms",
            "post-thaw runs   |                              ##################|    30.0 ms",
            '                 |                              ^                 |  still held? "yes"',
        ]);
    });

    it("is not drawn where a time is not known", () => {
        const { frozenAt: _, ...rest } = evidence;
        expect(() => timelineOf(rest)).to.throw("does not have all times");
    });

    it("README shows what today's code draws, with the times of another run", async () => {
        const shown = readFileSync(join(ROOT, "docs/timeline.svg"), "utf8");
        expect(structureOf(shown)).to.deep.equal(structureOf(await timelineSvg(timelineOf(evidence))));
    });

    /** The marks and texts, without what depends on the run: numbers, and the ticks of the axis. */
    function structureOf(svg: string): string[] {
        return [...svg.matchAll(/<text [^>]*>([^<]*)<|class="(mark-[a-z]+ [^"]*)"/g)]
            .map(([, text, mark]) => text?.replace(/[\d.]+/g, "N") ?? mark ?? "")
            .filter((part) => part !== "N");
    }
});

describe("what the demo shows of a command", () => {
    it("is broken between words where it is too long, and colours take no room", () => {
        expect(wrapped("  one two three", 20)).to.deep.equal(["  one two three"]);
        expect(wrapped("  one two three four", 12)).to.deep.equal(["  one two", "      three", "      four"]);
        expect(wrapped("\u001b[31mone\u001b[0m two", 7)).to.deep.equal(["\u001b[31mone\u001b[0m two"]);
    });
});
