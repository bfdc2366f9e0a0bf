/**
 * Says a line to whoever runs this. A line that begins with `warning: ` is one. A status is what goes on at the moment:
 * the next one takes its place where that is possible.
 */
export type Log = (line: string, kind?: "status") => void;

/** What a wait needs: to say that it waits, and to be ended. */
export interface Waiting {
    readonly log: Log;
    readonly signal: AbortSignal;
}

/** What a line says as a warning; undefined for one that is none. */
export function warningIn(line: string): string | undefined {
    return /^warning: ([^]*)$/.exec(line)?.[1];
}
