import type { Log } from "../base/log";
import type { Clients } from "../aws/clients";
import { type Failure, SnapshotError, messageOf } from "../base/errors";
import type { SnapshotInputs } from "../inputs/inputs";
import { chooseHealer, isDown } from "../run/chooseQuiescer";
import type { NotAwake } from "../quiesce/quiescer";
import { type SnapshotState, UnfinishedError } from "../run/state";
import { thawByHandLater, thawPending } from "../quiesce/hooks/thawPending";

/** What is needed to reach an instance that an earlier run may have left frozen. */
export interface Healing {
    readonly inputs: SnapshotInputs;
    readonly clients: Clients;
    readonly log: Log;
    readonly signal: AbortSignal;
}

/** State of an older version may lack `instance`, but not the input that it was made from. */
export type Frozen = SnapshotState & Pick<SnapshotInputs, "instanceId">;

/**
 * Wakes the instance of an earlier run, if it is not known to be awake.
 * @throws UnfinishedError `THAW_PENDING` with the state as it was when that cannot be proven.
 */
export async function heal<S extends Frozen>(id: string, state: S, healing: Healing): Promise<S> {
    if (!state.thawPending) {
        return state;
    }
    if (healing.inputs.confirmAwake === id) {
        await believe(id, state, healing);
    } else if (!(await isDown(healing.clients, state.instanceId))) {
        await wake(id, state, healing);
    }
    healing.log(`${state.instanceId} is awake`);
    return { ...state, thawPending: false };
}

async function wake(id: string, state: Frozen, healing: Healing): Promise<void> {
    const problem = await recover(id, state, healing);
    if (problem === undefined) {
        return;
    }
    const failure = thawPending({
        executionId: id,
        saidFrozen: saidFrozen(state),
        postThaw: problem.postThaw,
        byHand: thawByHandLater(id, healing.inputs.quiesce),
        obstacle: problem.obstacle,
    });
    throw new UnfinishedError(
        new SnapshotError(failure, {
            instanceId: state.instanceId,
            output: problem.output,
            state: "THE INSTANCE MAY STILL BE FROZEN.",
        }),
        state,
    );
}

/** The user says that the instance is awake: only the marker on the host remains to be removed. */
async function believe(id: string, state: Frozen, healing: Healing): Promise<void> {
    const problem = await recover(id, state, healing);
    const marker =
        problem === undefined
            ? "nothing of it is left on the host, and its post-thaw was not run"
            : `its marker stays on the host, where a later run finds it (${reasonOf(problem)})`;
    healing.log(`warning: confirmAwake: ${state.instanceId} counts as awake after ${id}; ${marker}`);
}

function reasonOf({ obstacle }: NotAwake): string {
    return obstacle?.message ?? "the host did not say that it is removed";
}

async function recover(
    id: string,
    state: Frozen,
    { inputs, ...run }: Healing,
): Promise<NotAwake | undefined> {
    const frozenIn = (state as Partial<Frozen>).evidence?.bootId;
    const { instanceId } = state;
    const healer = chooseHealer({ ...run, executionId: id, inputs: { ...inputs, instanceId } }, frozenIn);
    try {
        return await healer.recover(id);
    } catch (error) {
        return { obstacle: unexpectedFailure(error) };
    } finally {
        await healer.close();
    }
}

/** Whatever goes wrong, that the instance may be frozen is not forgotten. */
function unexpectedFailure(error: unknown): Failure {
    return error instanceof SnapshotError
        ? error.failure
        : {
              code: "AWS_ERROR",
              message: messageOf(error),
              remedy: "Mend what the message names, and run again.",
          };
}

/**
 * Older versions recorded it with the set alone; those that say why there is none recorded it always. No tag says it.
 */
function saidFrozen(state: Partial<Frozen>): boolean | undefined {
    const { frozenAt, message } = state.evidence ?? {};
    if (frozenAt !== undefined) {
        return true;
    }
    return message === undefined || state.adopted ? undefined : false;
}
