import type { Clients } from "./aws/clients";
import { SnapshotError, messageOf } from "./errors";
import type { SnapshotInputs } from "./inputs";
import { chooseHealer, isDown } from "./quiesce/choose";
import { isHealed, markHealed } from "./quiesce/healed";
import { type SnapshotState, UnfinishedError } from "./state";

/** What is needed to reach an instance that an earlier run may have left frozen. */
export interface Healing {
    readonly inputs: SnapshotInputs;
    readonly clients: Clients;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
}

/** State of an older version may lack `instance`, but not the input that it was made from. */
type Frozen = SnapshotState & Pick<SnapshotInputs, "instanceId">;

/**
 * Wakes the instance of an earlier run, if it is not known to be awake.
 * @throws UnfinishedError with the state as it was when that cannot be proven.
 */
export async function heal<S extends Frozen>(id: string, state: S, healing: Healing): Promise<S> {
    if (!state.thawPending) {
        return state;
    }
    const { instanceId } = state;
    if (!isHealed(id) && !(await isDown(healing.clients, instanceId))) {
        await wake(id, state, healing);
    }
    markHealed(id);
    healing.log(`${instanceId} is awake`);
    return { ...state, thawPending: false };
}

async function wake(id: string, state: Frozen, { inputs, ...run }: Healing): Promise<void> {
    const { instanceId } = state;
    const frozenIn = (state as Partial<Frozen>).evidence?.bootId;
    const healer = chooseHealer({ ...run, executionId: id, inputs: { ...inputs, instanceId } }, frozenIn);
    try {
        await healer.recover(id);
    } catch (error) {
        const failure = error instanceof SnapshotError ? error : thawFailure(error);
        const context = { instanceId, state: "THE INSTANCE MAY STILL BE FROZEN." };
        throw new UnfinishedError(failure.withContext(context), state);
    } finally {
        await healer.close();
    }
}

function thawFailure(cause: unknown): SnapshotError {
    return new SnapshotError(
        {
            code: "THAW_PENDING",
            message: messageOf(cause),
            remedy: 'Run `pulumi up` again, or run the post-thaw script with "thaw" as root on the instance.',
        },
        { cause },
    );
}

/**
 * With the state goes all that is known of a freeze: it may go only when the instance is awake.
 * @throws SnapshotError `THAW_PENDING`
 */
export async function assertAwake(id: string, state: Frozen, clients: Clients): Promise<void> {
    const { instanceId } = state;
    if (!state.thawPending || isHealed(id) || (await isDown(clients, instanceId))) {
        return;
    }
    throw new SnapshotError(
        {
            code: "THAW_PENDING",
            message: `${id} may have left the instance frozen, and deleting the resource would forget that.`,
            remedy:
                "Run `pulumi up` with the resource in the program: it thaws the instance. When you have made sure of that " +
                "yourself, `pulumi state delete` forgets the resource, and its snapshots can be deleted by hand.",
        },
        { instanceId, state: "THE INSTANCE MAY STILL BE FROZEN; nothing was deleted." },
    );
}
