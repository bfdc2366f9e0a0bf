import { newExecutionId } from "../../base/executionId";
import { SnapshotError } from "../../base/errors";
import { takeSnapshots } from "../../run/takeSnapshots";
import { UnfinishedError, toState } from "../../run/state";
import { healReplaced } from "../createSnapshot";
import { pick, reporting } from "../result";
import type { Session } from "../session";
import { UnfinishedGroup, groupError, withEach } from "./groupError";
import { type GroupOutputs, type GroupState, type MemberState, groupStateOf } from "./groupState";
import { type GroupRequest, inputsOf, knownAs, logOf } from "./members";

/**
 * Takes the sets of all members at one point.
 * @throws Error with the state to save (an "init error") when there is something that the next run has to go on with;
 * SnapshotError when nothing was kept and all instances are awake
 */
export async function createGroup(
    session: Session,
    inputs: GroupRequest,
): Promise<{ id: string; outs: GroupOutputs }> {
    const id = newExecutionId();
    const properties = (state: GroupState): GroupOutputs => outputs(inputs, state);
    const unfinished = (error: unknown) =>
        error instanceof UnfinishedGroup ? properties(error.state) : undefined;
    return await reporting(id, unfinished, async () => {
        const names = Object.keys(inputs.members);
        const state = await session.interruptible((signal) => take(session, inputs, id, names, signal));
        return { id, outs: properties(state) };
    });
}

/** Copies of inputs that `diff` and `delete` need; never `members`, which hold secrets. */
function outputs(inputs: GroupRequest, state: GroupState): GroupOutputs {
    return toState({ ...pick(inputs, ["triggers", "tags", "aws", "owner", "__provider"]), ...state });
}

async function take(
    session: Session,
    inputs: GroupRequest,
    id: string,
    names: readonly string[],
    signal: AbortSignal,
): Promise<GroupState> {
    const clients = await session.clients(inputs.aws);
    const { stack, shared } = session;
    const log = session.logOf(inputs);
    const group = {
        id,
        instanceIds: names.map((name) => inputsOf(inputs, name).instanceId),
        known: stack.setsOf(inputs.owner),
    };
    const runs = names.map((name) => {
        const member = inputsOf(inputs, name);
        return {
            executionId: newExecutionId(),
            inputs: member,
            clients,
            known: stack.setsOf(knownAs(member)),
            healed: new Set<string>(),
            group: { ...group, member: name },
            shared,
            log: logOf(log, name),
            signal,
        };
    });
    try {
        await withEach(
            runs.map((run, index) => [names[index] ?? "", run] as const),
            (run) => healReplaced(stack.pendingOf(knownAs(run.inputs)), run, run.healed),
        );
        return groupOf(inputs, names, await takeSnapshots(runs));
    } finally {
        runs.forEach(({ healed }) => stack.markHealed(healed));
    }
}

/** @throws UnfinishedGroup with what there is of the group, or SnapshotError when there is nothing */
function groupOf(
    inputs: GroupRequest,
    names: readonly string[],
    outcomes: Awaited<ReturnType<typeof takeSnapshots>>,
): GroupState {
    const sets: Record<string, MemberState> = {};
    const errors = new Map<string, SnapshotError>();
    outcomes.forEach((outcome, index) => {
        const name = names[index] ?? "";
        if (outcome instanceof SnapshotError) {
            errors.set(name, outcome);
        }
        const state = outcome instanceof UnfinishedError ? outcome.state : outcome;
        if (!(state instanceof SnapshotError)) {
            sets[name] = { ...state, ...pick(inputsOf(inputs, name), ["instanceId", "volumes"]) };
        }
    });
    const state = groupStateOf(sets, names.length);
    if (errors.size === 0) {
        return state;
    }
    const error = groupError(errors);
    throw Object.keys(sets).length === 0 ? error : new UnfinishedGroup(error, state);
}
