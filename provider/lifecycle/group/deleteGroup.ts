import { deleteState } from "../../aws/deleteState";
import { assertDeletable } from "../../aws/deleteSet";
import { assertAwake } from "../assertAwake";
import { assertSamePlace, placeOf } from "../place";
import { stateFrom } from "../result";
import type { Session } from "../session";
import type { GroupOutputs } from "./groupState";
import { knownAs, stateOf } from "./members";

const LIMIT_MS = 300_000;

/** Deletes the sets of all members, when nothing stands against the deletion of any. What is gone already is done. */
export async function deleteGroup(session: Session, olds: GroupOutputs): Promise<void> {
    const members = Object.values(olds.sets).map((set) => stateOf(olds, set));
    members.forEach(({ state }) => session.stack.learnState(state));
    const signal = AbortSignal.timeout(LIMIT_MS);
    const found = await Promise.all(
        members.map(async ({ id, state: old }) => {
            const state = stateFrom(old);
            const clients = await session.clients(placeOf(state));
            await assertSamePlace(clients, state, signal);
            return { id, state, clients };
        }),
    );
    for (const { id, state, clients } of found) {
        const log = session.logOf(state);
        await assertAwake(id, state, { clients, session, log, knownAs: knownAs(state) });
        await assertDeletable(clients, state.snapshotIds, state.imageId, { log, signal });
    }
    for (const { id, state, clients } of found) {
        await deleteState(clients, id, state, { log: session.logOf(state), signal });
    }
}
