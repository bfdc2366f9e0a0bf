/** Recorded durations in seconds, by file. */
export type Durations = Readonly<Record<string, number>>;

export interface Plan {
    /** For all lanes, in this order. */
    readonly together: readonly string[];
    /** One after the other, when all lanes have ended. */
    readonly alone: readonly string[];
}

/** A line of a test file that must have the machine to itself, and says why. */
const ALONE = /^\/\/ Runs alone: \S/m;

/** The longest first, so that none is left when all other lanes have ended. Of a new one nothing is known: first, too. */
export function planOf(texts: ReadonlyMap<string, string>, durations: Durations): Plan {
    const length = (file: string): number => durations[file] ?? Infinity;
    const files = [...texts.keys()].sort((one, other) =>
        length(one) === length(other) ? one.localeCompare(other) : length(other) - length(one),
    );
    const isAlone = (file: string): boolean => ALONE.test(texts.get(file) ?? "");
    return { together: files.filter((file) => !isAlone(file)), alone: files.filter(isAlone) };
}
