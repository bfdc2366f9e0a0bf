import { newExecutionId } from "../base/executionId";
import { SnapshotError } from "../base/errors";
import { UnfinishedError } from "../run/state";
import { takeSnapshot } from "../run/takeSnapshots";
import { type Healing, heal } from "./heal";
import { assertSamePlace } from "./place";
import type { Inputs } from "./request";
import { outputs, reporting } from "./result";
import type { Session } from "./session";
import type { PendingThaw, State } from "./stackKnowledge";

/**
 * Takes a set.
 * @throws Error with the state to save (an "init error") when there is something that the next run has to go on with;
 * SnapshotError when nothing was kept and the instance is awake
 */
export async function createSnapshot(session: Session, inputs: Inputs): Promise<{ id: string; outs: State }> {
    const executionId = newExecutionId();
    const { stack, shared } = session;
    return await reporting(
        executionId,
        (error) => (error instanceof UnfinishedError ? outputs(inputs, error.state) : undefined),
        async () => {
            const clients = await session.clients(inputs.aws);
            const log = session.logOf(inputs);
            const known = stack.setsOf(inputs.owner);
            const healed = new Set<string>();
            try {
                const state = await session.interruptible(async (signal) => {
                    const healing = { inputs, clients, log, signal };
                    await healReplaced(stack.pendingOf(inputs.owner), healing, healed);
                    return await takeSnapshot({
                        executionId,
                        inputs,
                        clients,
                        known,
                        healed,
                        shared,
                        log,
                        signal,
                    });
                });
                return { id: executionId, outs: outputs(inputs, state) };
            } finally {
                stack.markHealed(healed);
            }
        },
    );
}

/** A replacement heals first: with the old state goes what is known of the freeze. Tells whose freeze is over. */
export async function healReplaced(
    pending: PendingThaw | undefined,
    healing: Healing,
    healed: Set<string>,
): Promise<void> {
    if (pending === undefined) {
        return;
    }
    const { id, state } = pending;
    try {
        await assertSamePlace(healing.clients, state, healing.signal);
        await heal(id, state, healing);
    } catch (error) {
        // The old resource says so in its own state, and cannot be deleted before it is healed.
        throw error instanceof UnfinishedError ? new SnapshotError(error.failure, error.context) : error;
    }
    // What that one had healed goes with it from what later processes can see.
    for (const earlier of [...(state.healed ?? []), id]) {
        healed.add(earlier);
    }
}
