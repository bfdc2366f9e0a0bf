/** A hook's exit code (128 + n: killed by signal n), or why there is none. */
export type HookEnd = number | "timeout" | "lost";

/** The last signal of Linux (signal(7)): what is above 128 + 64 is a script's own exit code. */
const LAST_SIGNAL = 64;

/** How a hook ended, as the end of a sentence that begins with its name. */
export function endText(end: HookEnd): string {
    switch (end) {
        case "timeout":
            return "did not end within its limit";
        case "lost":
            return "was killed, or never ran";
        default:
            return end > 128 && end <= 128 + LAST_SIGNAL
                ? `was ended by signal ${end - 128}`
                : `exited with ${end}`;
    }
}
