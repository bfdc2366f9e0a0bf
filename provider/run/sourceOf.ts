import { accountOf } from "../aws/clients";
import { type Source, resolveSource } from "../aws/instance";
import type { Run } from "./run";

/** The instance and the volumes that the run is for. */
export async function sourceOf({ clients, inputs, signal }: Run): Promise<Source> {
    const accountId = await accountOf(clients, signal);
    return await resolveSource(clients, accountId, inputs.instanceId, inputs.volumes, signal);
}
