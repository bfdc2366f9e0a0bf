import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assignment } from "./assignment";

/** What a recipe is made of: a kind of script, and its settings. */
export interface Part {
    /** Of the script `<kind>.sh`, and in `evidence.vouchedBy`. */
    readonly kind: string;
    /** Prefix of the functions in it. */
    readonly functions: string;
    /** Further scripts that it needs. */
    readonly needs: readonly string[];
    readonly level: "application" | "filesystem";
    readonly settings: Readonly<Record<string, string>>;
}

/** Seconds in which all of a recipe has to be frozen, or two thirds of a pre-freeze limit below 60. */
const FREEZE_LIMIT_S = 40;

/** The parts as one script, which is pre-freeze and post-thaw: they are frozen in this order, and thawed in reverse. */
export function scriptOf(parts: readonly Part[]): string {
    const kinds = [...new Set(parts.flatMap((part) => [...part.needs, part.kind]))];
    const numbers = parts.map((_, index) => String(index + 1));
    return [
        "#!/bin/sh\n",
        ...["recipe", ...kinds].map(textOf),
        `limit=${FREEZE_LIMIT_S}\n`,
        `recipe=${nameOf(parts)}\n`,
        `freezes_file_systems=${parts.some(({ level }) => level === "filesystem") ? "yes" : "no"}\n`,
        "part() {\n    folder=$state/$1\n    case $1 in\n",
        ...parts.map((part, index) => caseOf(part, index + 1)),
        "    esac\n}\n\n",
        `run_parts "$1" '${numbers.join(" ")}' '${numbers.toReversed().join(" ")}'\n`,
    ].join("");
}

/** Tells recipes apart that leave something for a later script to thaw; the same in all versions of this package. */
function nameOf(parts: readonly Part[]): string {
    const text = JSON.stringify(parts.map(({ kind, settings }) => [kind, settings]));
    return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function caseOf({ kind, functions, settings }: Part, number: number): string {
    const assignments = Object.entries({ kind, ...settings }).map(([name, value]) => assignment(name, value));
    return `    ${number})\n        ${[...assignments, `${functions}_"$2"`].join("\n        ")}\n        ;;\n`;
}

function textOf(name: string): string {
    return `${readFileSync(join(__dirname, `${name}.sh`), "utf8")}\n`;
}
