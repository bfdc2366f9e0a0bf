import { cpus, release } from "node:os";
import { median } from "../bench/report";
import type { TrialResult } from "./trials";

/** All runs of an application, with its recipe or without. */
export interface Series {
    readonly application: string;
    readonly version: string;
    /** What the recipe vouches for. */
    readonly promised: string;
    readonly quiesced: boolean;
    readonly results: readonly TrialResult[];
}

/** Whether a run is what the level says that was promised for it. */
export function holds({ level, verdict }: Pick<TrialResult, "level" | "verdict">, promised: string): boolean {
    const { lost, after, gaps, problems, replays, transactions } = verdict;
    const flaws = lost + after + gaps + replays + problems.length;
    return level === promised && flaws === 0 && transactions > 0;
}

/** Markdown. `command`: what was called for it. */
export function report(series: readonly Series[], command: string): string {
    return [
        "# Proof by restoring",
        "",
        `\`${command}\`, ${process.platform} ${release()}, ${cpus().length} cores, Node ${process.version}. Each run is a \`pulumi up\` ` +
            "of its own at a random moment, while two writers commit numbered transactions as fast as they can; what was " +
            "acknowledged is logged outside of the server. Each set is restored to new volumes, mounted, and the " +
            "application started on it.",
        "",
        table(series),
        "",
        ...versionsOf(series),
        "",
        ...EXPLANATION,
        "",
    ].join("\n");
}

function versionsOf(series: readonly Series[]): string[] {
    const versions = new Map(series.map(({ application, version }) => [application, version]));
    return [...versions].map(([application, version]) => `- ${application}: ${version}`);
}

const COLUMNS = [
    "application",
    "quiesced by",
    "runs",
    "level",
    "transactions checked",
    "runs that lost acknowledged ones (how many)",
    "begun after the freeze, yet there",
    "gaps",
    "runs with a file system to replay",
    "runs in which the application recovered",
    "broken, or of ours",
    "freeze window, ms: median, longest",
];

function table(series: readonly Series[]): string {
    const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    return [row(COLUMNS), row(COLUMNS.map(() => "---")), ...series.map((one) => row(cellsOf(one)))].join(
        "\n",
    );
}

function cellsOf({ application, quiesced, results }: Series): string[] {
    const verdicts = results.map((one) => one.verdict);
    const total = (pick: (one: TrialResult["verdict"]) => number) =>
        verdicts.reduce((sum, one) => sum + pick(one), 0);
    const runs = (holdsFor: (one: TrialResult["verdict"]) => boolean) => verdicts.filter(holdsFor).length;
    const lost = total((one) => one.lost);
    return [
        application,
        quiesced ? `\`${results[0]?.vouchedBy ?? ""}\`` : "nobody",
        String(results.length),
        counted(results.map((one) => one.level)),
        String(total((one) => one.transactions)),
        lost === 0 ? "0" : `${runs((one) => one.lost > 0)} (${lost})`,
        quiesced ? String(total((one) => one.after)) : "-",
        String(total((one) => one.gaps)),
        String(runs((one) => one.replays > 0)),
        String(runs((one) => one.recovered)),
        String(runs((one) => one.problems.length > 0)),
        windows(results.flatMap((one) => one.freezeWindowMs ?? [])),
    ];
}

function counted(values: readonly string[]): string {
    return [...new Set(values)]
        .map((value) => `${value} ${values.filter((one) => one === value).length}`)
        .join(", ");
}

function windows(values: readonly number[]): string {
    return values.length === 0 ? "-" : `${median(values).toFixed(0)}, ${Math.max(...values).toFixed(0)}`;
}

const EXPLANATION = [
    "- Lost: acknowledged before CreateSnapshots was sent, and not in the restored set.",
    "- Begun after the freeze: sent when pre-freeze had exited 0. One that was on its way when the freeze came may be " +
        "there without having been acknowledged.",
    "- To replay: a file system of which a file, a time or a byte is missing or other without a replay of its journal; " +
        "ext4 also when it says itself that its journal is not empty.",
    "- Recovered: the application's own log says so. PostgreSQL's and MySQL's manuals promise that it recovers, not that " +
        "it need not.",
    "- Broken, or of ours: found by `e2fsck` and `xfs_repair` (after a mount, which also removes files that were " +
        "deleted while they were open), page checksums, `CHECK TABLE`, the application's log, or a file that names this " +
        "package or the run.",
    "- Level `failed`: the `pulumi up` failed, and there was no set to look at.",
    "",
    "These runs do not show anything of EBS itself. The volumes are files. The kernel copies them at one instant, which " +
        "stands for CreateSnapshots, and the cloud is a local one. The root volume has no contents, so only the data " +
        "volumes show that the set has nothing of this package. The servers are small, of one Linux with ext4 and XFS, " +
        "and each has its default durability. An application without a recipe is restored in the state of a file " +
        "system that stood still, and no better.",
];
