import { takeApiSlot } from "./aws/apiSlot";
import { SnapshotCallError, createSnapshots } from "./aws/createSnapshots";
import type { Source } from "./aws/instance";
import { deleteSet, deleteUnknownSet, findSet } from "./aws/snapshots";
import { SnapshotError } from "./errors";
import { keepWarm } from "./keepWarm";
import { credentialsFailure } from "./preconditions";
import type { SnapshotCall } from "./quiesce/quiescer";
import type { Run } from "./run";
import { setRequest } from "./setRequest";
import type { Undo } from "./undo";

const SEARCH_LIMIT_MS = 170_000;

/**
 * Gets everything ready that the one request needs, before anything is frozen: the regional API slot, credentials
 * that last, a warm connection that nobody else uses. The deletion of the set is registered before there is one.
 */
export async function reserve(run: Run, source: Source, undo: Undo): Promise<SnapshotCall> {
    const { clients, executionId, signal } = run;
    const credentials = await credentialsFailure(run);
    if (credentials !== undefined) {
        throw new SnapshotError(credentials);
    }
    await takeApiSlot(source.facts.accountId, clients.region, signal);
    const own = clients.ownConnection();
    undo.cleanUp("close the connection to EC2", () => {
        own.close();
        return Promise.resolve();
    });
    await findSet(own.clients, executionId, signal);

    let outcome: "none" | "refused" | "unknown" | "created" = "none";
    let created: string[] = [];
    undo.undo("delete the snapshots", async () => {
        const ownLimit = AbortSignal.timeout(SEARCH_LIMIT_MS);
        if (outcome === "created") {
            await deleteSet(clients, executionId, created, ownLimit);
        } else if (outcome === "unknown") {
            await deleteUnknownSet(clients, executionId, source.volumes.length, ownLimit);
        }
    });
    // For as long as pre-freeze takes; also when it fails, and the set is never asked for.
    const cool = keepWarm((touchSignal) =>
        findSet(own.clients, executionId, AbortSignal.any([signal, touchSignal])),
    );
    undo.cleanUp("end the connection's being kept open", cool);
    return async (limitMs, callSignal) => {
        await cool();
        outcome = "unknown";
        try {
            const set = await createSnapshots(own.clients, setRequest(run, source), limitMs, callSignal);
            outcome = "created";
            created = set.snapshots.map((snapshot) => snapshot.snapshotId);
            return set;
        } catch (error) {
            outcome = error instanceof SnapshotCallError ? error.outcome : "unknown";
            throw error;
        }
    };
}
