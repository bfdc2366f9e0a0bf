import { isRecord } from "../base/record";
import type { CheckFailure } from "./checkFailure";

/** What is wrong with a script that is given in one of two ways. `at`: the path of its object. */
export function checkScript(at: string, source: unknown): CheckFailure[] {
    if (!isRecord(source) || (source.path === undefined) !== (source.script === undefined)) {
        return [];
    }
    return [
        {
            property: at,
            reason: `needs a \`path\` or a \`script\`, ${source.path === undefined ? "and has neither" : "not both"}`,
        },
    ];
}
