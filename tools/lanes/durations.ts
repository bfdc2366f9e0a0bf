import type { FileResult } from "./messages";

/** How long a file took, beside others, in seconds. */
export interface Duration {
    readonly seconds: number;
    /** Processor time. */
    readonly cpuSeconds: number;
}

/** By file. */
export type Durations = Readonly<Record<string, Duration>>;

/** What differs less is the machine's mood. */
const SAME = { share: 0.25, seconds: 5 };

/**
 * What is known after a run: of files that have failed or not run, what was known before, and nothing of those that
 * are no more. What is much the same stays as it is, so that a change of the record tells of a change of the tests.
 */
export function recorded(
    known: Durations,
    results: readonly FileResult[],
    files: ReadonlySet<string>,
): Durations {
    const good = results.filter(({ passed, failures }) => passed > 0 && failures.length === 0);
    const now = Object.fromEntries(good.map((one) => [one.file, durationOf(one)]));
    const merged = Object.keys({ ...known, ...now })
        .filter((file) => files.has(file))
        .sort()
        .map((file) => [file, chosenOf(known[file], now[file])] as const);
    return Object.fromEntries(merged.flatMap(([file, one]) => (one ? [[file, one]] : [])));
}

/** A line for each file. */
export function textOf(durations: Durations): string {
    const lines = Object.entries(durations).map(
        ([file, { seconds, cpuSeconds }]) =>
            `    ${JSON.stringify(file)}: { "seconds": ${seconds}, "cpuSeconds": ${cpuSeconds} }`,
    );
    return `{\n${lines.join(",\n")}\n}\n`;
}

function durationOf({ seconds, cpuSeconds }: FileResult): Duration {
    return { seconds: Math.ceil(seconds), cpuSeconds: Math.ceil(cpuSeconds) };
}

function chosenOf(before: Duration | undefined, now: Duration | undefined): Duration | undefined {
    const same =
        before !== undefined &&
        now !== undefined &&
        isSame(before.seconds, now.seconds) &&
        isSame(before.cpuSeconds, now.cpuSeconds);
    return same ? before : (now ?? before);
}

function isSame(before: number, now: number): boolean {
    return Math.abs(now - before) <= Math.max(SAME.seconds, before * SAME.share);
}
