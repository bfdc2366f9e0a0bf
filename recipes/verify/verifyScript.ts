import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assignment } from "../assignment";

/** For `verify` of a `RestoreTest`. */
export interface VerifyScript {
    /** The whole text, for `sh`. */
    script: string;
}

/** How patient a script is. */
export interface VerifyLimits {
    /**
     * Whole seconds in which what is verified has to be up, counted from when the script turns to it. What is read
     * afterwards is limited by `timeouts.verify` of the `RestoreTest` only. Default 300.
     */
    startSeconds?: number | undefined;
}

/** What a script verifies. */
export interface VerifyPart {
    /** Of the script `<kind>.sh`. */
    readonly kind: string;
    /** Prefix of the function in it. */
    readonly functions: string;
    /** Further texts that it needs, by their paths from this folder. */
    readonly needs?: readonly string[];
    readonly level: "application" | "filesystem";
    readonly settings: Readonly<Record<string, string>>;
    readonly limits: VerifyLimits;
}

/** What each script is made of, for combining. */
const partsOf = new WeakMap<VerifyScript, readonly VerifyPart[]>();

/**
 * Several as one, each after the one before it has passed: the file systems first, because an application on a file
 * system that is not mounted only says that it is not up; then the applications in the given order.
 *
 * @throws TypeError for none, and for what is no script of `recipes.verify`
 */
export function combine(...scripts: VerifyScript[]): VerifyScript {
    const parts = scripts.flatMap((script) => {
        const known = partsOf.get(script);
        if (known === undefined) {
            throw new TypeError(
                "recipes.verify.combine() takes what recipes.verify returns, unchanged, one after the other: " +
                    'recipes.verify.combine(recipes.verify.postgresql(), recipes.verify.fileSystems(["/data"]))',
            );
        }
        return known;
    });
    if (parts.length === 0) {
        throw new TypeError("recipes.verify.combine() needs at least one script");
    }
    return verifyScriptOf([
        ...parts.filter((part) => part.level === "filesystem"),
        ...parts.filter((part) => part.level === "application"),
    ]);
}

/** @throws TypeError for seconds that are not whole, or below 1 */
export function verifyScriptOf(parts: readonly VerifyPart[]): VerifyScript {
    const texts = new Set(["verify", ...parts.flatMap(({ needs = [], kind }) => [...needs, kind])]);
    const script = { script: ["#!/bin/sh\n", ...[...texts].map(textOf), ...parts.map(callOf)].join("") };
    partsOf.set(script, parts);
    return script;
}

function textOf(name: string): string {
    return `${readFileSync(join(__dirname, `${name}.sh`), "utf8")}\n`;
}

/** In a shell of its own, so that no setting of one is there for the next. */
function callOf({ functions, settings, limits: { startSeconds = 300 } }: VerifyPart): string {
    if (!Number.isInteger(startSeconds) || startSeconds < 1) {
        throw new TypeError(`startSeconds must be a whole number of seconds from 1, not ${startSeconds}`);
    }
    const assignments = Object.entries({ ...settings, start_seconds: String(startSeconds) }).map(
        ([setting, value]) => `    ${assignment(setting, value)}\n`,
    );
    return `(\n${assignments.join("")}    ${functions}_verify\n) || exit 1\n`;
}
