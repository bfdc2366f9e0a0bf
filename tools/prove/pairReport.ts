import { median } from "../bench/report";
import type { PairResult, Way } from "./pairs";

/** All pairs that were taken in one way. */
export interface PairSeries {
    readonly way: Way;
    readonly results: readonly PairResult[];
}

/** Whether a pair is of one point, and claims it. */
export function isOnePoint({ samePoint, verdict }: PairResult): boolean {
    return samePoint === true && verdict.oneSided === 0 && verdict.lost === 0 && verdict.transfers > 0;
}

const COLUMNS = [
    "both sets taken",
    "runs",
    "transfers checked",
    "runs with transfers on one side only (how many)",
    "acknowledged transfers lost",
    "freeze window, ms: median, longest",
];

/** Markdown. */
export function pairReport(series: readonly PairSeries[]): string {
    const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    return [
        "## Two databases",
        "",
        "Transfers run between two PostgreSQL servers: each is a transaction on the first one and, when that is " +
            "acknowledged, one on the second; the next transfer of the same writer comes only then. Both sets are " +
            "restored, and both databases started. A transfer is on one side only when it arrived and had never " +
            "left, or when it left and had not arrived although the writer's next one left as well.",
        "",
        row(COLUMNS),
        row(COLUMNS.map(() => "---")),
        ...series.map((one) => row(cellsOf(one))),
        "",
    ].join("\n");
}

function cellsOf({ way, results }: PairSeries): string[] {
    const sum = (of: (one: PairResult["verdict"]) => number) =>
        results.reduce((all, { verdict }) => all + of(verdict), 0);
    const broken = results.filter(({ verdict }) => verdict.oneSided > 0).length;
    const windows = results.map(({ longestFreezeMs }) => longestFreezeMs);
    return [
        way,
        String(results.length),
        String(sum(({ transfers }) => transfers)),
        `${broken} (${sum(({ oneSided }) => oneSided)})`,
        String(sum(({ lost }) => lost)),
        `${median(windows)}, ${Math.max(...windows)}`,
    ];
}
