import { groupOf } from "./plan";
import type { ChaosResult } from "./run";

/** Runs by what went wrong in them. */
export function countTable(results: readonly ChaosResult[]): string {
    const groups = Map.groupBy(results, ({ fault }) => groupOf(fault));
    const rows = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([group, runs]) => row(group, runs));
    return [
        "| what | runs | struck | succeeded | failed or killed | problems |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
        .concat(rows, row("all", results))
        .join("\n");
}

function row(group: string, runs: readonly ChaosResult[]): string {
    const count = (is: (run: ChaosResult) => boolean) => runs.filter(is).length;
    const succeeded = count(({ outcome }) => outcome === "succeeded");
    const cells = [
        group,
        runs.length,
        count(({ struck }) => struck),
        succeeded,
        runs.length - succeeded,
        count(({ problems }) => problems.length > 0),
    ];
    return `| ${cells.join(" | ")} |`;
}
