import { findEarlierSets, reapAbandonedSets } from "./aws/earlierSets";
import { ownerTag } from "./aws/tags";
import { messageOf } from "./errors";
import type { Run } from "./run";

/** Deletes what earlier runs for this resource left when they died. That it cannot is no reason to take no snapshot. */
export async function reapEarlierRuns({ clients, inputs, known, log, signal }: Run): Promise<void> {
    if (inputs.owner === undefined) {
        return;
    }
    try {
        const earlier = await findEarlierSets(clients, ownerTag(inputs.owner), inputs.instanceId, signal);
        await reapAbandonedSets(clients, earlier, known, log, signal);
    } catch (error) {
        signal.throwIfAborted();
        log(`warning: could not look for what earlier runs left: ${messageOf(error)}`);
    }
}
