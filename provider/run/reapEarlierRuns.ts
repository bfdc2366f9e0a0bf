import { findEarlierSets, reapAbandonedSets } from "../aws/earlierSets";
import { ownerTag } from "../aws/tags";
import { messageOf } from "../base/errors";
import type { Run } from "./run";

/**
 * Deletes what earlier runs for this resource left when they died. Comes after the commit point, so nothing that
 * happens here, not even an interruption, may keep these runs' own sets from being told of.
 * @param runs of one resource: of one instance, or of a group's members
 */
export async function reapEarlierRuns(runs: readonly Run[]): Promise<void> {
    const [first] = runs;
    const owner = first?.inputs.owner;
    if (first === undefined || owner === undefined) {
        return;
    }
    const { clients, log, signal } = first;
    const own = runs.map(({ executionId }) => executionId);
    const instanceIds = runs.map(({ inputs }) => inputs.instanceId);
    const known = new Set(runs.flatMap((run) => [...run.known, ...(run.group?.known ?? [])]));
    try {
        const earlier = await findEarlierSets(clients, ownerTag(owner), instanceIds, signal);
        const others = earlier.filter((set) => !own.includes(set.executionId));
        await reapAbandonedSets(clients, others, known, log, signal);
    } catch (error) {
        log(`warning: could not look for what earlier runs left: ${messageOf(error)}`);
    }
}
