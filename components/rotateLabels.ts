import { Output, RunError } from "@pulumi/pulumi";

export interface Rotation {
    /** Labels of the last run, oldest first. */
    readonly previous: readonly string[];
    /** Label of a new point. */
    readonly run?: string | undefined;
    /** How many points there are at most. */
    readonly keep: number;
    /** Label of the point that runs. */
    readonly pin?: string | undefined;
    /** Label of a point to be rid of. */
    readonly drop?: string | undefined;
}

export interface Rotated {
    /** Labels to keep, oldest first. */
    readonly labels: string[];
    /** The one of them that is new. */
    readonly taking?: string;
}

/** Part of names of resources and images. */
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/**
 * Which recovery points there are after this run: the last ones and a new one, at most `keep`. While one runs it is never
 * dropped, and no new one is taken: its source is not what the data are written to any more.
 *
 * @throws RunError that names the input
 */
export function rotateLabels({ previous: all, run, keep, pin, drop }: Rotation): Rotated {
    if (!Number.isInteger(keep) || keep < 1) {
        throw refused(
            `\`keep\` must be a whole number, 1 or more, not ${shown(keep)}` +
                (typeof keep === "string" ? "; config.getNumber reads one from the stack's config" : ""),
        );
    }
    for (const label of [...all, ...given(run), ...given(pin)]) {
        assertLabel(label);
    }
    const twice = all.find((label, at) => all.indexOf(label) !== at);
    if (twice !== undefined) {
        throw refused(`the list of labels has "${twice}" twice`);
    }
    const previous = all.filter((label) => label !== drop);
    const [pinned] = given(pin);
    if (pinned !== undefined) {
        if (!previous.includes(pinned)) {
            const known = previous.length === 0 ? "there is none yet" : `there are ${previous.join(", ")}`;
            throw refused(`\`pin\`: there is no recovery point "${pinned}"; ${known}`);
        }
        return { labels: newest(previous, keep, pinned) };
    }
    const [label] = given(run);
    if (label === undefined || previous.includes(label)) {
        return { labels: newest(previous, keep, label) };
    }
    return { labels: newest([...previous, label], keep), taking: label };
}

/** Absent and empty are the same: a pipeline passes what it has. */
function given(label: string | undefined): string[] {
    return label === undefined || label === "" ? [] : [label];
}

function newest(labels: readonly string[], keep: number, kept?: string): string[] {
    const others = labels.filter((label) => label !== kept);
    const places = keep - (labels.length - others.length);
    const chosen = places === 0 ? [] : others.slice(-places);
    return labels.filter((label) => label === kept || chosen.includes(label));
}

function assertLabel(label: string): void {
    // A program that TypeScript does not check may give a Date or an Output.
    if (typeof label !== "string" || !LABEL.test(label)) {
        throw refused(
            `${shown(label)} is not a label of a recovery point, which has 1 to 40 letters, digits, dots, dashes and underscores, ` +
                "and begins with a letter or a digit, such as 2026-11-24",
        );
    }
}

function refused(problem: string): RunError {
    return new RunError(`recoveryPoints: ${problem}`);
}

function shown(value: unknown): string {
    if (Output.isInstance(value)) {
        return "an Output";
    }
    return typeof value === "string"
        ? JSON.stringify(value)
        : value instanceof Date
          ? "a Date"
          : String(value);
}
