import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What a process writes, line by line. */
export interface Lines {
    /** Every line so far, of all streams in the order in which they came. */
    readonly lines: readonly string[];
    /** Calls back with each line from now on. */
    onLine(listener: (line: string) => void): void;
    /** The first line that matches, also one that came before; fails after `limitMs` or with the end of the process. */
    waitForLine(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
}

/** Nothing in a test waits longer than this for a process: milliseconds. */
export const LINE_LIMIT_MS = 180_000;

export function linesOf(streams: Readable[], ended: Promise<unknown>): Lines {
    const lines: string[] = [];
    const listeners = new Set<(line: string) => void>();
    for (const input of streams) {
        createInterface({ input }).on("line", (line) => {
            lines.push(line);
            for (const listener of listeners) {
                listener(line);
            }
        });
    }
    return {
        lines,
        onLine: (listener) => listeners.add(listener),
        waitForLine: (pattern, limitMs = LINE_LIMIT_MS) =>
            new Promise((resolve, reject) => {
                const settle = (): void => {
                    clearTimeout(timer);
                    listeners.delete(look);
                };
                const look = (line: string): boolean => {
                    const match = pattern.exec(line);
                    if (match === null) {
                        return false;
                    }
                    settle();
                    resolve(match);
                    return true;
                };
                const giveUp = (why: string): void => {
                    settle();
                    reject(new Error(`no line matched ${pattern.source} ${why}:\n${lines.join("\n")}`));
                };
                const timer = setTimeout(() => giveUp(`within ${limitMs} ms`), limitMs);
                if (lines.some(look)) {
                    return;
                }
                listeners.add(look);
                void ended.then(() => giveUp("before the process ended"));
            }),
    };
}
