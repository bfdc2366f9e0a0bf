import { table } from "../bench/report";
import { groupOf } from "./plan";
import type { ChaosResult } from "./run";

/** Of the run of a seed, what is counted. */
interface Counted {
    readonly struck: boolean;
    readonly outcome: string;
    readonly problems: readonly string[];
}

/** Runs by what went wrong in them, and by what they froze with. */
export function countTables(results: readonly ChaosResult[]): string {
    return [
        countTable("what", "succeeded", results, ({ plan }) => groupOf(plan.fault)),
        countTable("scripts", "succeeded", results, ({ plan }) => plan.pair),
    ].join("\n\n");
}

/**
 * @param what heading of the names
 * @param good outcome that is no failure
 */
export function countTable<R extends Counted>(
    what: string,
    good: R["outcome"],
    results: readonly R[],
    nameOf: (result: R) => string,
): string {
    const groups = Map.groupBy(results, nameOf);
    const rows = [...groups]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([group, runs]) => row(group, good, runs));
    const head = [what, "runs", "struck", good, "failed or killed", "problems"];
    return table(head, [...rows, row("all", good, results)]);
}

function row(group: string, good: string, runs: readonly Counted[]): string[] {
    const count = (is: (run: Counted) => boolean) => runs.filter(is).length;
    const succeeded = count(({ outcome }) => outcome === good);
    return [
        group,
        String(runs.length),
        String(count(({ struck }) => struck)),
        String(succeeded),
        String(runs.length - succeeded),
        String(count(({ problems }) => problems.length > 0)),
    ];
}
