/** A hook's exit code (128 + n: killed by signal n), or why there is none. */
export type HookEnd = number | "timeout" | "lost";

/** The last signal of Linux (signal(7)): what is above 128 + 64 is a script's own exit code. */
const LAST_SIGNAL = 64;
/** What shells exit with when they find no such command (POSIX, Shell Command Language, 2.8.2). */
const NOT_FOUND = 127;
/** Of scripts on the host, as the guard sets it (guard/base.sh). */
const HOOK_PATH =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/run/current-system/sw/bin:/run/wrappers/bin";

/** How a hook ended, as the end of a sentence that begins with its name. */
export function endText(end: HookEnd): string {
    switch (end) {
        case "timeout":
            return "did not end within its limit";
        case "lost":
            return "was killed, or never ran";
        case NOT_FOUND:
            return `exited with ${NOT_FOUND}, as for a command that was not found in PATH (${HOOK_PATH})`;
        default:
            return end > 128 && end <= 128 + LAST_SIGNAL
                ? `was ended by signal ${end - 128}`
                : `exited with ${end}`;
    }
}
