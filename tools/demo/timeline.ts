import type { Evidence } from "../../index";

/** What one part of a run took, in milliseconds from the start of pre-freeze. */
export interface Span {
    readonly what: string;
    readonly who: "the instance" | "EC2";
    readonly from: number;
    readonly to: number;
}

/** A run, drawn from its evidence alone. */
export interface Timeline {
    readonly spans: readonly Span[];
    /** The guard answered that it still held the freeze, and was let go. */
    readonly askedAt: number;
    readonly freezeWindowMs: number;
    readonly quiescedMs: number;
}

/** @throws Error when the evidence lacks a time: only a set that was quiesced by scripts, and proven, has all of them */
export function timelineOf(evidence: Evidence): Timeline {
    const { hooks, frozenAt, requestedAt, apiMs, freezeWindowMs, quiescedMs } = evidence;
    const preFreezeMs = hooks?.preFreeze?.durationMs;
    if (
        preFreezeMs === undefined ||
        frozenAt === undefined ||
        requestedAt === undefined ||
        apiMs === undefined ||
        freezeWindowMs === undefined ||
        quiescedMs === undefined
    ) {
        throw new Error("the evidence does not have all times");
    }
    const askedAt = preFreezeMs + freezeWindowMs;
    // The clock of these two has milliseconds; the request was not sent before all was frozen.
    const sentAt = preFreezeMs + Math.max(0, Date.parse(requestedAt) - Date.parse(frozenAt));
    return {
        spans: [
            { what: "pre-freeze runs", who: "the instance", from: 0, to: preFreezeMs },
            { what: "frozen", who: "the instance", from: preFreezeMs, to: askedAt },
            { what: "CreateSnapshots", who: "EC2", from: sentAt, to: Math.min(sentAt + apiMs, askedAt) },
            { what: "post-thaw runs", who: "the instance", from: askedAt, to: quiescedMs },
        ],
        askedAt,
        freezeWindowMs,
        quiescedMs,
    };
}

const WIDTH = 48;

/** For a terminal: one line for each part, all to the same scale. */
export function timelineText({ spans, askedAt, quiescedMs }: Timeline): string[] {
    const column = (ms: number) => Math.round((ms / quiescedMs) * WIDTH);
    const bars = spans.map(({ what, from, to }) => {
        const begin = Math.min(column(from), WIDTH - 1);
        const length = Math.max(1, column(to) - begin);
        const bar = `${" ".repeat(begin)}${"#".repeat(length)}`.padEnd(WIDTH);
        return `${what.padEnd(16)} |${bar}| ${ms(to - from).padStart(7)} ms`;
    });
    const asked = `${" ".repeat(Math.min(column(askedAt), WIDTH - 1))}^`.padEnd(WIDTH);
    return [...bars, `${"".padEnd(16)} |${asked}|  still held? "yes"`];
}

export function ms(value: number): string {
    return value.toFixed(1);
}
