import { execFileSync } from "node:child_process";
import { release } from "node:os";
import type { HostKind } from "../../lab/hosts/hostKinds";

export interface TriedKind {
    readonly kind: HostKind;
    /** Level, or code and first words of the refusal. */
    readonly run: string;
    readonly versions: readonly string[];
    readonly passed: number;
    /** Title and message of each. */
    readonly failed: readonly string[];
}

/** Whether the host does what it is expected to do, and something was tested on it. */
export function asExpected({ kind, run, passed, failed }: TriedKind): boolean {
    const { refused } = kind;
    const outcome = refused === undefined ? run === "application, held" : run.startsWith(`${refused.code}: `);
    return outcome && passed > 0 && failed.length === 0;
}

const COLUMNS = ["host", "versions", "a run", "tests", "to know"];

/** Markdown. */
export function hostsTable(tried: readonly TriedKind[]): string {
    const row = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
    const rows = tried.map((one) =>
        row([
            one.kind.name,
            one.versions.join(", "),
            one.run === "application, held" ? "**works**" : `refused: ${one.run}`,
            `${one.passed} of ${one.passed + one.failed.length}`,
            one.kind.note ?? "",
        ]),
    );
    return [
        `${today()}, commit ${commit()}, kernel ${release().replace(/-.*/, "")}, Node ${process.version}.`,
        "",
        row(COLUMNS),
        row(COLUMNS.map(() => "---")),
        ...rows,
        "",
    ].join("\n");
}

const BEGIN = "<!-- npm run hosts: begin -->";
const END = "<!-- npm run hosts: end -->";

/** The page with a new table between its two marks. */
export function recorded(page: string, table: string): string {
    const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
    if (begin < 0 || end < begin) {
        throw new Error(`the page has no marks ${BEGIN} and ${END}`);
    }
    return `${page.slice(0, begin)}${BEGIN}\n\n${table}\n${page.slice(end)}`;
}

/** A bar would end the cell. */
function cell(text: string): string {
    return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function today(): string {
    return new Date().toISOString().slice(0, 10);
}

/** With a `+` where the work tree has changes. */
function commit(): string {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: __dirname, encoding: "utf8" }).trim();
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+"}`;
}
