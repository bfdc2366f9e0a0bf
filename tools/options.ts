import { parseArgs } from "node:util";

type Option = number | readonly number[] | string;
type Options<T> = {
    [Name in keyof T]: T[Name] extends number ? number : T[Name] extends string ? string : readonly number[];
};

/**
 * A tool's options: `--name value` for each of the given ones, of the kind that its default has.
 * @throws for what it does not know or cannot use, with its usage.
 */
export function optionsOf<T extends Record<string, Option>>(
    command: string,
    defaults: T,
    args: string[] = process.argv.slice(2),
): Options<T> {
    const names = Object.keys(defaults);
    try {
        const { values } = parseArgs({
            args,
            options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
        });
        const read = ([name, byDefault]: [string, Option]) => [name, valueOf(values[name], byDefault)];
        return Object.fromEntries(Object.entries(defaults).map(read)) as Options<T>;
    } catch (cause) {
        const usage = Object.entries(defaults).map(
            ([name, value]) => ` [--${name} ${String(value) || "..."}]`,
        );
        throw new Error(`${(cause as Error).message}\nusage: ${command} --${usage.join("")}`, { cause });
    }
}

/** As `optionsOf`, for the process's own arguments; a wrong one ends it. */
export function ownOptions<T extends Record<string, Option>>(
    command: string,
    defaults: T,
    args?: string[],
): Options<T> {
    try {
        return optionsOf(command, defaults, args);
    } catch (error) {
        console.error((error as Error).message);
        process.exit(2);
    }
}

function valueOf(text: string | undefined, byDefault: Option): Option {
    if (text === undefined) {
        return byDefault;
    }
    if (typeof byDefault === "string") {
        return text;
    }
    return typeof byDefault === "number" ? countOf(text) : text.split(",").filter(Boolean).map(countOf);
}

function countOf(text: string): number {
    if (!/^\d+$/.test(text)) {
        throw new Error(`"${text}" is no number of anything`);
    }
    return Number(text);
}
