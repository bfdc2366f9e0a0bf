import type { Spec, Title } from "vega";
import { type Timeline, ms } from "./timeline";

const COLORS: Readonly<Record<string, string>> = {
    "pre-freeze runs": "#8fb8de",
    frozen: "#1f5fa8",
    CreateSnapshots: "#e08a1e",
    "post-thaw runs": "#7cb490",
};

/** The same as a picture, on a ground of its own, so that it can be read on light and dark pages. */
export async function timelineSvg(timeline: Timeline): Promise<string> {
    // Loaded here, because it is a module with a top-level await, which `require` does not take.
    const { View, parse } = await import("vega");
    const svg = await new View(parse(specOf(timeline)), { renderer: "none" }).toSVG();
    return `${svg}\n`;
}

function specOf({ spans, askedAt, freezeWindowMs, quiescedMs }: Timeline): Spec {
    const bars = spans.map(({ what, who, from, to }) => ({
        what,
        who,
        from,
        to,
        color: COLORS[what] ?? "#888888",
        label: `${ms(to - from)} ms`,
    }));
    const title: Title = {
        text: `One run: frozen for ${ms(freezeWindowMs)} ms, applications quiesced for ${ms(quiescedMs)} ms`,
        anchor: "start",
        offset: 12,
    };
    return {
        $schema: "https://vega.github.io/schema/vega/v6.json",
        background: "white",
        padding: 12,
        width: 640,
        height: 150,
        title,
        data: [{ name: "bars", values: bars }],
        scales: [
            { name: "x", type: "linear", domain: [0, quiescedMs], range: "width", nice: true },
            { name: "y", type: "band", domain: spans.map(({ what }) => what), range: "height", padding: 0.3 },
        ],
        axes: [
            { orient: "bottom", scale: "x", title: "milliseconds from the start of pre-freeze" },
            { orient: "left", scale: "y", ticks: false, domain: false, labelFontSize: 12, labelPadding: 8 },
        ],
        marks: [
            {
                type: "rect",
                from: { data: "bars" },
                encode: {
                    enter: {
                        x: { scale: "x", field: "from" },
                        x2: { scale: "x", field: "to" },
                        y: { scale: "y", field: "what" },
                        height: { scale: "y", band: 1 },
                        fill: { field: "color" },
                    },
                },
            },
            {
                type: "text",
                from: { data: "bars" },
                encode: {
                    enter: {
                        x: { scale: "x", field: "to", offset: 6 },
                        y: { scale: "y", field: "what", band: 0.5 },
                        baseline: { value: "middle" },
                        text: { field: "label" },
                        fill: { value: "#333333" },
                    },
                },
            },
            {
                type: "rule",
                encode: {
                    enter: {
                        x: { scale: "x", value: askedAt },
                        y: { value: -6 },
                        y2: { value: 150 },
                        stroke: { value: "#b03030" },
                        strokeDash: { value: [4, 3] },
                    },
                },
            },
            {
                type: "text",
                encode: {
                    enter: {
                        x: { scale: "x", value: askedAt },
                        y: { value: -10 },
                        align: { value: "center" },
                        text: { value: 'still held? "yes": thaw' },
                        fill: { value: "#b03030" },
                    },
                },
            },
        ],
    };
}
