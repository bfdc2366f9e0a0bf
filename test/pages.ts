import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../lab/engine/engine";

/** Paths in the repository: `README.md`, `docs/iam.md`. */
export const README = "README.md";
export const DOCS: readonly string[] = readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`);

export function textOf(page: string): string {
    return readFileSync(join(ROOT, page), "utf8");
}

/** Without code blocks: their `#` are no headings, their brackets no links. */
export function proseOf(page: string): string {
    return textOf(page).replace(/^( *)```.*\n[\s\S]*?^ *```$/gm, "");
}

/** The section that begins with the heading, up to the next heading of its level or above. */
export function sectionOf(page: string, heading: string): string {
    const lines = textOf(page).split("\n");
    const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
    if (start === -1) {
        throw new Error(`${page} has no heading "${heading}"`);
    }
    const level = /^#+/.exec(lines[start] ?? "")?.[0].length ?? 0;
    const isEnd = (line: string) => new RegExp(`^#{1,${level}} `).test(line);
    const rest = lines.slice(start + 1);
    const end = rest.findIndex(isEnd);
    return rest
        .slice(0, end === -1 ? rest.length : end)
        .join("\n")
        .trim();
}

/** The code blocks of a language. */
export function codeOf(page: string, language: string): string[] {
    return [...textOf(page).matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^\\1\`\`\`$`, "gm"))].map(
        ([, , code = ""]) => code,
    );
}

/** The names in backticks in the first column of a section's first table. */
export function firstColumn(section: string): string[] {
    const table = section.split("\n\n").find((part) => part.startsWith("|")) ?? "";
    return table
        .split("\n")
        .slice(2)
        .flatMap((row) => /^\| *`([^`]+)`/.exec(row)?.[1] ?? []);
}

/** The names in backticks that the items of a section's lists begin with. */
export function listedNames(section: string): string[] {
    return [...section.matchAll(/^- `([^`]+)`:/gm)].map(([, name = ""]) => name);
}

export interface Policy {
    readonly Statement: readonly {
        readonly Action: string | readonly string[];
        readonly Resource: string | readonly string[];
    }[];
}

/** The IAM policies of a section, in their order. */
export function policiesOf(section: string): Policy[] {
    return [...section.matchAll(/```json\n([\s\S]*?)```/g)].map(
        ([, json = ""]) => JSON.parse(json) as Policy,
    );
}

export const actionsOf = ({ Statement }: Policy): string[] => Statement.flatMap(({ Action }) => Action);

/**
 * The shell commands of a section, to be run. A block that only gives examples of values (`instance=i-...`) is left out:
 * whoever runs the commands sets these.
 */
export function commandsOf(page: string, heading: string): string[] {
    const blocks = [...sectionOf(page, heading).matchAll(/```sh\n([\s\S]*?)```/g)].map(
        ([, text = ""]) => text,
    );
    return blocks.filter(
        (text) =>
            !text
                .trimEnd()
                .split("\n")
                .every((line) => /^[a-z_]+=\S+$/.test(line)),
    );
}
