import { type SnapshotError, asSnapshotError } from "../../base/errors";
import type { Finishing } from "../../run/finishSet";
import { type SnapshotState, UnfinishedError, toState } from "../../run/state";
import { assertAwake } from "../assertAwake";
import { pick, reporting, stateFrom } from "../result";
import type { Session } from "../session";
import type { State } from "../stackKnowledge";
import { goOn } from "../updateSnapshot";
import { groupDiffOf } from "./diffGroup";
import { UnfinishedGroup, groupError } from "./groupError";
import { type GroupOutputs, type GroupState, type MemberState, stillProven } from "./groupState";
import { type GroupRequest, inputsOf, knownAs, logOf, nameOf, stateOf } from "./members";

/** Tags and credentials change in place; a pending thaw is healed and pending completion waited for. */
export async function updateGroup(
    session: Session,
    id: string,
    olds: GroupOutputs,
    news: GroupRequest,
): Promise<{ outs: GroupOutputs }> {
    let told = pick(olds, ["tags", "aws"]);
    const properties = (state: GroupState): GroupOutputs =>
        toState({ ...olds, ...state, ...told, ...pick(news, ["__provider"]) });
    const unfinished = (error: unknown) =>
        error instanceof UnfinishedGroup ? properties(error.state) : undefined;
    return await reporting(id, unfinished, async () => {
        const log = session.logOf(news);
        const state = await session.interruptible((signal) => goOnWithAll(session, olds, news, signal));
        told = pick(news, ["tags", "aws"]);
        const due = groupDiffOf({ ...olds, ...state, ...told }, news).replaces;
        if (due.length > 0) {
            log(`warning: ${due.join(", ")} changed, too: run \`pulumi up\` again to take new sets`);
        }
        return { outs: properties(state) };
    });
}

/** All of them, whatever becomes of the others. @throws UnfinishedGroup with the state as far as it got */
async function goOnWithAll(
    session: Session,
    olds: GroupOutputs,
    news: GroupRequest,
    signal: AbortSignal,
): Promise<GroupState> {
    const clients = await session.clients(news.aws);
    const run = { clients, fresh: false, shared: session.shared, log: session.logOf(news), signal };
    const sets: Record<string, MemberState> = { ...olds.sets };
    const errors = new Map<string, SnapshotError>();
    await Promise.all(
        Object.entries(olds.sets).map(async ([name, set]) => {
            try {
                sets[name] = memberOf(set, await goOnWith(session, stateOf(olds, set), news, run));
            } catch (error) {
                errors.set(name, asSnapshotError(error));
                if (error instanceof UnfinishedError) {
                    sets[name] = memberOf(set, error.state);
                }
            }
        }),
    );
    const state = stillProven(olds, sets);
    if (errors.size > 0) {
        throw new UnfinishedGroup(groupError(errors), state);
    }
    return state;
}

type Shared = Pick<Finishing, "clients" | "fresh" | "shared" | "log" | "signal">;

/** One whose instance is no member any more cannot be reached: then it must be awake by what others know. */
async function goOnWith(
    session: Session,
    { id, state }: { id: string; state: State },
    news: GroupRequest,
    run: Shared,
): Promise<SnapshotState> {
    session.stack.learnState(state);
    const name = nameOf(news, state.instanceId);
    if (name === undefined) {
        await assertAwake(id, state, { ...run, session, knownAs: knownAs(state) });
        return { ...state, thawPending: false };
    }
    const onTold = () => undefined;
    return await goOn(stateFrom(state), {
        ...run,
        executionId: id,
        inputs: inputsOf(news, name),
        log: logOf(run.log, name),
        onTold,
    });
}

/** The set as it is now, without the copies of what the whole group has. */
function memberOf({ instanceId, volumes }: MemberState, state: SnapshotState): MemberState {
    const { triggers, tags, aws, owner, __provider, ...set } = state as State & { __provider?: unknown };
    return { ...set, instanceId, ...(volumes === undefined ? {} : { volumes }) };
}
