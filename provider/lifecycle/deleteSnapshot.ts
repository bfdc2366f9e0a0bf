import { deleteState } from "../aws/deleteState";
import { assertDeletable } from "../aws/deleteSet";
import { assertAwake } from "./assertAwake";
import { assertSamePlace, placeOf } from "./place";
import { stateFrom } from "./result";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";

const LIMIT_MS = 300_000;

/** Deletes the set. What is gone already is done, in the right account only. */
export async function deleteSnapshot(session: Session, id: string, olds: State): Promise<void> {
    session.stack.learnState(olds);
    const state = stateFrom(olds);
    const clients = await session.clients(placeOf(state));
    const signal = AbortSignal.timeout(LIMIT_MS);
    await assertSamePlace(clients, state, signal);
    const log = session.logOf(state);
    await assertAwake(id, state, { clients, session, log });
    await assertDeletable(clients, state.snapshotIds, state.imageId, { log, signal });
    await deleteState(clients, id, state, { log, signal });
}
