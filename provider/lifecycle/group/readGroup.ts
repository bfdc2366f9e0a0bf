import type { Clients } from "../../aws/clients";
import { toState } from "../../run/state";
import { withLoss } from "../../run/withLoss";
import { assertSamePlace, placeOf } from "../place";
import { readSet } from "../readSet";
import { stateFrom } from "../result";
import type { Session } from "../session";
import { findGroup } from "./findGroup";
import { type GroupOutputs, type MemberState, asRead } from "./groupState";
import { stateOf } from "./members";

const LIMIT_MS = 120_000;

/** After `pulumi refresh`, or `get`: notices what was deleted or has failed behind Pulumi's back. */
export async function readGroup(
    session: Session,
    id: string,
    olds: Partial<GroupOutputs> = {},
): Promise<{ id: string; props: GroupOutputs }> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    if (!isRecorded(olds)) {
        return { id, props: await adopt(session, id, olds, signal) };
    }
    const sets = await Promise.all(
        Object.entries(olds.sets).map(async ([name, set]) => {
            const { state } = stateOf(olds, set);
            session.stack.learnState(state);
            const clients = await session.clients(placeOf(state));
            await assertSamePlace(clients, state, signal);
            return [name, await readMember(clients, set, signal)] as const;
        }),
    );
    if (sets.every(([, { isGone }]) => isGone)) {
        session.logOf(olds)(`warning: all snapshots of ${id} are gone; the next run takes new ones`);
        return { id: "", props: olds };
    }
    const read = Object.fromEntries(sets.map(([name, { set }]) => [name, set]));
    return { id, props: toState({ ...olds, ...asRead(olds, read) }) };
}

async function adopt(
    session: Session,
    id: string,
    olds: Partial<GroupOutputs>,
    signal: AbortSignal,
): Promise<GroupOutputs> {
    const clients = await session.clients(placeOf(olds));
    const { size, ...found } = await findGroup(clients, id, signal);
    const there = Object.keys(found.sets);
    if (there.length < size) {
        session.logOf(olds)(
            `warning: of the ${size} sets of ${id} there are only those of ${there.join(", ")}; what is left is "crash"`,
        );
    }
    return toState({ ...olds, ...found });
}

function isRecorded(olds: Partial<GroupOutputs>): olds is GroupOutputs {
    return olds.sets !== undefined;
}

async function readMember(
    clients: Clients,
    set: MemberState,
    signal: AbortSignal,
): Promise<{ set: MemberState; isGone: boolean }> {
    const { lost: before, ...state } = stateFrom(set);
    const lost = await readSet(clients, state, signal);
    const gone = state.snapshotIds.map((id) => `${id} was deleted`);
    return { set: withLoss({ ...set, lost: before }, lost ?? gone), isGone: lost === undefined };
}
