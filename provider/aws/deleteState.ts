import type { Waiting } from "../base/log";
import type { Clients } from "./clients";
import { deregisterImage } from "./images";
import { deleteSet } from "./deleteSet";

/** Deletes what a run made: the image first, as its snapshots cannot go before it. Already gone is done. */
export async function deleteState(
    clients: Clients,
    executionId: string,
    {
        imageId,
        snapshotIds,
    }: { readonly imageId?: string | undefined; readonly snapshotIds: readonly string[] },
    { log, signal }: Waiting,
): Promise<void> {
    if (imageId !== undefined) {
        await deregisterImage(clients, imageId, signal);
    }
    const deregistered = imageId === undefined ? [] : [imageId];
    await deleteSet(clients, executionId, snapshotIds, { log, signal, deregistered });
}
