import { type SnapshotState, toState } from "../run/state";
import type { Inputs } from "./request";
import type { State } from "./stackKnowledge";

/** Copies of inputs that `diff` and `delete` need; never `quiesce`, which holds secrets. */
export function outputs(inputs: Inputs, state: SnapshotState): State {
    const copied = pick(inputs, ["instanceId", "volumes", "triggers", "tags", "aws", "owner", "__provider"]);
    return toState({ ...copied, ...state });
}

export function pick<T extends object, K extends keyof T>(values: T, keys: readonly K[]): Pick<T, K> {
    return Object.fromEntries(keys.map((key) => [key, values[key]])) as Pick<T, K>;
}

/**
 * Lets the engine save the state of a run that did not end: an error with an id is an "init error" to it.
 * @param propertiesOf what is to be saved; undefined for an error that leaves nothing open
 */
export async function reporting<T>(
    id: string,
    propertiesOf: (error: unknown) => object | undefined,
    work: () => Promise<T>,
): Promise<T> {
    try {
        return await work();
    } catch (error) {
        const properties = propertiesOf(error);
        if (properties === undefined || !(error instanceof Error)) {
            throw error;
        }
        throw Object.assign(new Error(error.message), { id, reasons: [error.message], properties });
    }
}

/** State of an older version may lack what this one asks for. */
export function stateFrom(state: State): State {
    const older = {
        snapshotIds: [],
        snapshots: [],
        thawPending: false,
        recorded: true,
        lost: [],
        unfinished: false,
    };
    return { ...older, ...state };
}
