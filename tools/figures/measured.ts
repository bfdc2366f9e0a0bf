import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../lab/engine/engine";

/** The figures in the documentation: of which state of what they are. */
export const FIGURES = join(ROOT, "docs/figures.json");

/** What the figures of each tool depend on: files, and folders with all that is in them. */
const DEPENDS_ON = {
    prove: [
        ...["fileSystems", "mysql", "postgresql", "recipe", "redis", "redisClient", "session"].map(
            (name) => `recipes/${name}.sh`,
        ),
        "provider/quiesce/hooks/guard",
    ],
    proveInMachine: ["recipes", "provider/quiesce/hooks", "provider/run", "provider/lifecycle", "components"],
    chaos: ["recipes", "provider/quiesce/hooks", "provider/run", "provider/lifecycle"],
    bench: ["provider/quiesce/hooks", "provider/run", "provider/aws", "provider/transport"],
    scale: ["provider/quiesce/hooks", "provider/run", "provider/aws", "provider/transport"],
    groups: ["provider/quiesce/hooks", "provider/run", "provider/aws", "provider/lifecycle/group"],
    reach: ["provider/quiesce/hooks", "provider/run", "provider/aws", "provider/transport"],
    startup: ["provider/snapshotProvider.ts", "provider/program", "provider/lifecycle"],
    vss: ["provider/quiesce/vss", "provider/run", "provider/aws"],
} as const;

export type Tool = keyof typeof DEPENDS_ON;

export interface Figures {
    readonly tool: Tool;
    readonly command: string;
    /** What was checked out. */
    readonly commit: string;
    readonly date: string;
    readonly machine: string;
    /** A hash of the contents of each thing that the figures depend on. */
    readonly measured: Readonly<Record<string, string>>;
}

/** By name, such as `prove-50`. */
export function allFigures(): Record<string, Figures> {
    return JSON.parse(readFileSync(FIGURES, "utf8")) as Record<string, Figures>;
}

/** To be called when a tool has measured. `name`: of the entry in docs/figures.json; empty for none. */
export function recordFigures(name: string, tool: Tool, command: string): void {
    if (name === "") {
        return;
    }
    const figures: Figures = {
        tool,
        command,
        commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim(),
        date: new Date().toISOString().slice(0, 10),
        machine: `${process.platform} ${release()}, ${cpus().length} cores, Node ${process.version}`,
        measured: Object.fromEntries(DEPENDS_ON[tool].map((path) => [path, hashOf(path)])),
    };
    writeFileSync(FIGURES, `${JSON.stringify({ ...allFigures(), [name]: figures }, null, 4)}\n`);
    console.log(sentenceOf(figures));
}

/** What the page has to say of its figures, by what the files are now. Markdown, on one line. */
export function sentenceOf(figures: Figures, hash: (path: string) => string = hashOf): string {
    const { command, commit, date, machine, tool, measured } = figures;
    const changed = DEPENDS_ON[tool].filter((path) => measured[path] !== hash(path));
    const since = changed.length === 0 ? "nothing of it" : changed.map((path) => `\`${path}\``).join(", ");
    return `Measured by \`${command}\` at commit \`${commit}\`, ${date}, ${machine}. Changed since then: ${since}.`;
}

/** Of a file's contents; of a folder, of the names and contents of all files below it. */
export function hashOf(path: string): string {
    const whole = join(ROOT, path);
    if (!existsSync(whole)) {
        return "absent";
    }
    const hash = createHash("sha256");
    if (statSync(whole).isFile()) {
        return hash.update(readFileSync(whole)).digest("hex");
    }
    const files = readdirSync(whole, { recursive: true, encoding: "utf8" })
        .filter((name) => statSync(join(whole, name)).isFile())
        .sort();
    for (const file of files) {
        hash.update(`${file}\0${hashOf(join(path, file))}\n`);
    }
    return hash.digest("hex");
}
