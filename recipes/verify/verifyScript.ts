import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";

/** For `verify` of a `RestoreTest`. */
export interface VerifyScript {
    /** The whole text, for `sh`. */
    script: string;
}

/** How patient a script is. */
export interface VerifyLimits {
    /**
     * Whole seconds in which the application has to be up, counted from the beginning of the script. What is read
     * afterwards is limited by `timeouts.verify` of the `RestoreTest` only. Default 300.
     */
    startSeconds?: number | undefined;
}

/**
 * @param name of the script `<name>.sh`
 * @param functions prefix of the function in it
 * @throws TypeError for seconds that are not whole, or below 1
 */
export function verifyScriptOf(
    name: string,
    functions: string,
    settings: Readonly<Record<string, string>>,
    { startSeconds = 300 }: VerifyLimits,
): VerifyScript {
    if (!Number.isInteger(startSeconds) || startSeconds < 1) {
        throw new TypeError(`startSeconds must be a whole number of seconds from 1, not ${startSeconds}`);
    }
    const assignments = Object.entries({ ...settings, start_seconds: String(startSeconds) }).map(
        ([setting, value]) => `${setting}=${shellQuote(value)}\n`,
    );
    const texts = ["verify", name].map((text) => `${readFileSync(join(__dirname, `${text}.sh`), "utf8")}\n`);
    return { script: ["#!/bin/sh\n", ...texts, ...assignments, `${functions}_verify\n`].join("") };
}
