import type { Durations } from "./durations";

/** Files of tests, in the order in which they run. */
export interface Plan {
    /** In all lanes. */
    readonly together: Together;
    /** In one lane, beside the others. */
    readonly freezing: readonly string[];
    /** One after the other, when all lanes have ended. */
    readonly alone: readonly string[];
}

/**
 * The same files in two orders. One lane for each processor takes the file that computes the longest; all others take
 * the file that waits the longest. So from the first to the last minute the processors have work, and not more.
 */
export interface Together {
    readonly computing: readonly string[];
    readonly waiting: readonly string[];
}

/** What a file needs, by a line that says why. */
const NEEDS = {
    /** It freezes real file systems: whoever thaws them must outlive a lane that is killed. */
    freezing: /^\/\/ Freezes: \S/m,
    /** The machine to itself. */
    alone: /^\/\/ Runs alone: \S/m,
};

/** The longest first, so that none is left when all other lanes have ended. Of a new one nothing is known: first, too. */
export function planOf(texts: ReadonlyMap<string, string>, durations: Durations): Plan {
    const computes = (file: string): number => durations[file]?.cpuSeconds ?? Infinity;
    const takes = (file: string): number => durations[file]?.seconds ?? Infinity;
    const waits = (file: string): number => (durations[file] ? takes(file) - computes(file) : Infinity);
    const are = (need: RegExp) => (file: string) => need.test(texts.get(file) ?? "");
    const files = [...texts.keys()];
    const [freezing, alone] = [files.filter(are(NEEDS.freezing)), files.filter(are(NEEDS.alone))];
    const special = new Set([...freezing, ...alone]);
    const others = files.filter((file) => !special.has(file));
    return {
        together: { computing: longestFirst(others, computes), waiting: longestFirst(others, waits) },
        freezing: longestFirst(freezing, takes),
        alone: longestFirst(alone, takes),
    };
}

function longestFirst(files: readonly string[], length: (file: string) => number): string[] {
    return files.toSorted((one, other) =>
        length(one) === length(other) ? one.localeCompare(other) : length(other) - length(one),
    );
}
