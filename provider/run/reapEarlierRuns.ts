import { findEarlierSets, reapAbandonedSets } from "../aws/earlierSets";
import { ownerTag } from "../aws/tags";
import { messageOf } from "../base/errors";
import type { Run } from "./run";

/**
 * Deletes what earlier runs for this resource left when they died. Comes after the commit point, so nothing that
 * happens here, not even an interruption, may keep this run's own set from being told of.
 */
export async function reapEarlierRuns({
    executionId,
    clients,
    inputs,
    known,
    log,
    signal,
}: Run): Promise<void> {
    if (inputs.owner === undefined) {
        return;
    }
    try {
        const earlier = await findEarlierSets(clients, ownerTag(inputs.owner), inputs.instanceId, signal);
        const others = earlier.filter((set) => set.executionId !== executionId);
        await reapAbandonedSets(clients, others, known, log, signal);
    } catch (error) {
        log(`warning: could not look for what earlier runs left: ${messageOf(error)}`);
    }
}
