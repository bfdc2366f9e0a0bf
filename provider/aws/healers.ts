import type { Clients } from "./clients";
import { findSnapshots } from "./snapshots";
import { tagKeys, tagOf } from "./tags";

/** The executions of the instance whose sets say that they found, or made, an earlier one's freeze to be over. */
export async function findHealers(
    clients: Clients,
    executionId: string,
    instanceId: string,
    signal: AbortSignal,
): Promise<string[]> {
    const filters = [
        { Name: `tag:${tagKeys.instance}`, Values: [instanceId] },
        { Name: "tag-key", Values: [tagKeys.healed] },
    ];
    const found = await findSnapshots(clients, filters, signal);
    const healers = found.filter((snapshot) =>
        (tagOf(snapshot, tagKeys.healed) ?? "").split(" ").includes(executionId),
    );
    return [...new Set(healers.flatMap((snapshot) => tagOf(snapshot, tagKeys.execution) ?? []))];
}
