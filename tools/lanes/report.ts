import type { LaneResult } from "./lane";

const SLOWEST = 15;

/** A file that has run, and in which lane. */
export interface Ran extends LaneResult {
    readonly lane: string;
}

/** One line; with what went wrong and what was said below it. */
export function progressOf(one: LaneResult): string {
    const { file, passed, skipped, failures } = one;
    const failed = failures.length > 0 ? `, ${failures.length} FAILED` : "";
    const line = `${timesOf(one)}  ${file}: ${passed} passed${skippedOf(skipped)}${failed}`;
    return [line, ...failuresOf(one).map(indented)].join("\n");
}

/** What is at the end; the very last line is for CI to read. */
export function summaryOf(results: readonly Ran[], ci: boolean): string {
    const sum = (of: (result: LaneResult) => number): number =>
        results.reduce((total, result) => total + of(result), 0);
    const failures = results.flatMap(failuresOf);
    const skipped = sum((one) => one.skipped);
    return [
        slowestOf(results),
        lanesOf(results),
        ...failures.map((text, index) => `\n${index + 1}) ${text}`),
        ...(ci && skipped > 0 ? ["\nUnder CI=true nothing may be skipped."] : []),
        `\n${sum((one) => one.passed)} passed, ${failures.length} failed${skippedOf(skipped)}`,
    ].join("\n");
}

/** What was said goes with the last of them. */
function failuresOf({ failures, output }: Pick<LaneResult, "failures" | "output">): string[] {
    const said = output.trim() === "" ? "" : `\nwhat its process has said:\n${output.trim()}`;
    return failures.map((text, index) => text + (index === failures.length - 1 ? said : ""));
}

function slowestOf(results: readonly LaneResult[]): string {
    const slowest = [...results].sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
    const rows = slowest.map((one) => `${timesOf(one)}  ${one.file}`);
    return ["\nThe slowest files, by the clock and in processor time:", ...rows].join("\n");
}

function lanesOf(results: readonly Ran[]): string {
    const rows = [...Map.groupBy(results, ({ lane }) => lane)].map(([lane, ran]) => {
        const seconds = ran.reduce((sum, one) => sum + one.seconds, 0);
        const cpuSeconds = ran.reduce((sum, one) => sum + one.cpuSeconds, 0);
        return `${timesOf({ seconds, cpuSeconds })}  ${lane}: ${ran.length} files`;
    });
    return ["\nThe lanes:", ...rows].join("\n");
}

function timesOf({ seconds, cpuSeconds }: Pick<LaneResult, "seconds" | "cpuSeconds">): string {
    return [seconds, cpuSeconds].map((one) => `${one.toFixed(1).padStart(6)} s`).join("");
}

function skippedOf(skipped: number): string {
    return skipped > 0 ? `, ${skipped} skipped` : "";
}

function indented(text: string): string {
    return text.replace(/^(?=.)/gm, "    ");
}
