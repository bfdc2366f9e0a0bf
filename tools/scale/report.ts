import { table } from "../bench/report";
import type { Scaled } from "./measure";

const ms = (value: number) => `${value.toFixed(1)} ms`;
const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;

export function scaleTable(results: readonly Scaled[]): string {
    const head = [
        "instances",
        "volumes each",
        "longest window",
        "median window",
        "longest window - API",
        "provider's memory",
        "its connections",
        "its processor time",
        "requests to last answer",
        "the floor",
        "pulumi up",
        "CreateSnapshots refused",
        "others refused",
    ];
    const rows = results.map((one) => [
        String(one.instances),
        String(one.volumes),
        ms(one.longestWindowMs),
        ms(one.medianWindowMs),
        ms(one.longestOverheadMs),
        `${Math.round(one.peakBytes / 1024 / 1024)} MB`,
        String(one.connections),
        seconds(one.cpuMs),
        seconds(one.providerMs),
        seconds(one.floorMs),
        seconds(one.upMs),
        String(one.throttled),
        String(one.repeated),
    ]);
    return table(head, rows);
}
