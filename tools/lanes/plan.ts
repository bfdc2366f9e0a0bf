/** Recorded durations in seconds, by file. */
export type Durations = Readonly<Record<string, number>>;

/** Files of tests, in the order in which they run. */
export interface Plan {
    /** In all lanes. */
    readonly together: readonly string[];
    /** In one lane, beside the others. */
    readonly freezing: readonly string[];
    /** One after the other, when all lanes have ended. */
    readonly alone: readonly string[];
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
    const length = (file: string): number => durations[file] ?? Infinity;
    const files = [...texts.keys()].sort((one, other) =>
        length(one) === length(other) ? one.localeCompare(other) : length(other) - length(one),
    );
    const are = (need: RegExp) => (file: string) => need.test(texts.get(file) ?? "");
    const [freezing, alone] = [files.filter(are(NEEDS.freezing)), files.filter(are(NEEDS.alone))];
    const special = new Set([...freezing, ...alone]);
    return { together: files.filter((file) => !special.has(file)), freezing, alone };
}
