import { shellQuote } from "../provider/quiesce/hooks/guardProgram";

/**
 * `name=value` for a script, on one line whatever is in the value. Lines of a quoted text could be what `set -x` prints of a
 * script, so they are masked in all that it says (provider/base/maskSecrets.ts), and a path has to be read there.
 * The script has set `newline`.
 */
export function assignment(name: string, value: string): string {
    return `${name}=${value.split("\n").map(shellQuote).join('"$newline"')}`;
}
