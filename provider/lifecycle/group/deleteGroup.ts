import { deleteState } from "../../aws/deleteState";
import { assertDeletable } from "../../aws/deleteSet";
import { assertAwake } from "../assertAwake";
import { assertSamePlace, placeOf } from "../place";
import { stateFrom } from "../result";
import type { Session } from "../session";
import type { GroupOutputs } from "./groupState";
import { withEach } from "./groupError";
import { knownAs, logOf, stateOf } from "./members";

const LIMIT_MS = 300_000;

/** Deletes the sets of all members, when nothing stands against the deletion of any. What is gone already is done. */
export async function deleteGroup(session: Session, olds: GroupOutputs): Promise<void> {
    const members = Object.entries(olds.sets).map(([name, set]) => ({ name, ...stateOf(olds, set) }));
    members.forEach(({ state }) => session.stack.learnState(state));
    const signal = AbortSignal.timeout(LIMIT_MS);
    const found = await Promise.all(
        members.map(async ({ name, id, state: old }) => {
            const state = stateFrom(old);
            const clients = await session.clients(placeOf(state));
            await assertSamePlace(clients, state, signal);
            return { name, id, state, clients };
        }),
    );
    await withEach(
        found.map((one) => [one.name, one] as const),
        async ({ name, id, state, clients }) => {
            const log = logOf(session.logOf(state), name);
            await assertAwake(id, state, { clients, session, log, knownAs: knownAs(state) });
            await assertDeletable(clients, state.snapshotIds, state.imageId, { log, signal });
        },
    );
    for (const { id, state, clients } of found) {
        await deleteState(clients, id, state, { log: session.logOf(state), signal });
    }
}
