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
        "Transfers run between two PostgreSQL servers. Each transfer is a transaction on the first server and, when that " +
            "is acknowledged, one on the second. Only then does the same writer begin its next transfer. The tool " +
            "restores both sets and starts both databases. It counts a transfer as being on one side only if it " +
            "arrived and had never left. It also does so if it left and had not arrived, although the writer's next " +
            "transfer had left as well.",
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
