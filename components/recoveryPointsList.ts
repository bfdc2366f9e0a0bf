import { RunError, isUnknown } from "@pulumi/pulumi";

/** A set that the stack's state holds. */
export interface HeldSet {
    /** Name of its resource. */
    readonly name: string;
    readonly instanceId: string;
    /** When it was taken. ISO 8601. */
    readonly startTime: string;
}

export interface Known {
    /** The output that holds the list. */
    readonly key: string;
    /** Outputs of the stack as the last run left them; what that run did not come to know is Pulumi's unknown, or undefined. */
    readonly outputs: unknown;
    /** The list that the program gives where the stack has lost its own. */
    readonly given?: readonly string[] | undefined;
    /** The sets in the stack's state; asked for only where the outputs do not say enough. */
    readonly heldSets: () => Promise<HeldSet[]>;
}

/** In docs/components.md. */
const DOCS = 'docs/components.md, "A list that is lost"';

/**
 * The list that the last run has left. One that cannot be read is never an empty one: the engine would delete all points.
 *
 * @throws RunError that names the output and the way back
 */
export async function listOfLastRun({ key, outputs, given, heldSets }: Known): Promise<readonly string[]> {
    // Whoever cannot read the outputs does not know whether the list is lost either.
    if (!isRecord(outputs)) {
        throw new RunError(
            `the outputs of this stack cannot be read, so this run touches no recovery point. Run again`,
        );
    }
    const list = outputs[key];
    if (isList(list)) {
        return list;
    }
    if (given !== undefined) {
        return given;
    }
    if (key in outputs) {
        const what =
            list === undefined || isUnknown(list)
                ? "is not known, because a run in which something failed has stored it so"
                : "is not a list of recovery points";
        throw lost(key, what, await heldSets());
    }
    const held = await heldSets();
    if (isMoreThanOneNight(held)) {
        throw lost(key, "is missing, though there are sets of several nights", held);
    }
    return [];
}

/** A first night that has failed leaves one set of each instance at most. */
function isMoreThanOneNight(sets: readonly HeldSet[]): boolean {
    return new Set(sets.map(({ instanceId }) => instanceId)).size < sets.length;
}

function lost(key: string, what: string, sets: readonly HeldSet[]): RunError {
    const oldestFirst = sets.toSorted((a, b) => a.startTime.localeCompare(b.startTime));
    const held = oldestFirst.map(({ name, startTime }) => `${name} (${startTime})`).join(", ");
    return new RunError(
        `the output \`${key}\` of this stack ${what}. This run touches no recovery point, because it would delete all of them. ` +
            `Sets in this stack's state, oldest first: ${held === "" ? "none" : held}. ` +
            `Give recoveryPoints \`labels\`, the list of their labels, until a run has stored it; ` +
            `\`labels: []\` begins a new list. See ${DOCS}`,
    );
}

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !isUnknown(value);
}

function isList(value: unknown): value is string[] {
    return Array.isArray(value) && value.every((label) => typeof label === "string");
}
