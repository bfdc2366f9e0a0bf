import { table } from "../bench/report";
import { groupOf } from "./plan";
import type { ChaosResult } from "./run";

/** Runs by what went wrong in them, and by what they froze with. */
export function countTables(results: readonly ChaosResult[]): string {
    return [
        countTable("what", results, ({ plan }) => groupOf(plan.fault)),
        countTable("scripts", results, ({ plan }) => plan.pair),
    ].join("\n\n");
}

function countTable(
    what: string,
    results: readonly ChaosResult[],
    nameOf: (result: ChaosResult) => string,
): string {
    const groups = Map.groupBy(results, nameOf);
    const rows = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([group, runs]) => row(group, runs));
    const head = [what, "runs", "struck", "succeeded", "failed or killed", "problems"];
    return table(head, [...rows, row("all", results)]);
}

function row(group: string, runs: readonly ChaosResult[]): string[] {
    const count = (is: (run: ChaosResult) => boolean) => runs.filter(is).length;
    const succeeded = count(({ outcome }) => outcome === "succeeded");
    return [
        group,
        String(runs.length),
        String(count(({ struck }) => struck)),
        String(succeeded),
        String(runs.length - succeeded),
        String(count(({ problems }) => problems.length > 0)),
    ];
}
