import type { Clients } from "../aws/clients";
import { toState } from "../run/state";
import { withLoss } from "../run/withLoss";
import { assertSamePlace, placeOf } from "./place";
import { adoptSet, readSet } from "./readSet";
import { stateFrom } from "./result";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";

const LIMIT_MS = 120_000;

/** After `pulumi refresh`, or `get`: notices what was deleted or has failed behind Pulumi's back. */
export async function readSnapshot(
    session: Session,
    id: string,
    props: Partial<State> = {},
): Promise<{ id: string; props: State }> {
    session.stack.learnState(props);
    const clients = await session.clients(placeOf(props));
    const signal = AbortSignal.timeout(LIMIT_MS);
    if (props.instance === undefined) {
        return { id, props: await adopt(clients, id, props, signal) };
    }
    await assertSamePlace(clients, props, signal);
    const state = stateFrom(props as State);
    const lost = await readSet(clients, state, signal);
    if (lost === undefined) {
        session.logOf(state)(
            `warning: all snapshots of ${id} are gone from ${clients.region}; the next run takes new ones`,
        );
        return { id: "", props: state };
    }
    if (lost.length > 0 && lost.join() !== state.lost.join()) {
        session.logOf(state)(
            `warning: a part of ${id} is lost: ${lost.join("; ")}; what is left is "crash", and the next run takes a new set`,
        );
    }
    return { id, props: toState(withLoss(state, lost)) };
}

/** The tags tell less than what a run has recorded, if it has: a `get` has nothing else. */
async function adopt(
    clients: Clients,
    id: string,
    props: Partial<State>,
    signal: AbortSignal,
): Promise<State> {
    const adopted = await adoptSet(clients, id, signal);
    const recorded = props.snapshotIds === undefined ? { ...props, ...adopted } : { ...adopted, ...props };
    const { instance } = adopted;
    const thawPending = props.thawPending ?? adopted.thawPending;
    return toState({ ...recorded, instance, instanceId: instance.instanceId, thawPending });
}
