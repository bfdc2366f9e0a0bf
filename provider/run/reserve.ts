import { SnapshotCallError, createSnapshots } from "../aws/createSnapshots";
import type { Source } from "../aws/instance";
import { request } from "../aws/request";
import { deleteSet, deleteUnknownSet } from "../aws/deleteSet";
import { touch } from "../aws/touch";
import { SnapshotError } from "../base/errors";
import { keepWarm } from "./keepWarm";
import { credentialsFailure } from "./preconditions";
import type { SnapshotCall } from "../quiesce/quiescer";
import type { Run } from "./run";
import { setRequest } from "./setRequest";
import type { Undo } from "../base/undo";

const SEARCH_LIMIT_MS = 170_000;

/**
 * Gets everything ready that the one request needs, before anything is frozen: the regional API slot, credentials
 * that last, AWS's clock, warm connections that nobody else uses. The deletion of the set is registered before there is
 * one.
 */
export async function reserve(run: Run, source: Source, undo: Undo): Promise<SnapshotCall> {
    const { clients, executionId, signal } = run;
    const credentials = await credentialsFailure(run);
    if (credentials !== undefined) {
        throw new SnapshotError(credentials);
    }
    await run.shared.apiSlots.take(source.facts, run);
    const own = [clients.ownConnection(), clients.ownConnection()] as const;
    undo.cleanUp("close the connections to EC2", () => {
        own.forEach((connection) => connection.close());
        return Promise.resolve();
    });
    const [volume] = source.volumes;
    const volumeId = volume?.volumeId ?? "";
    await Promise.all(
        own.map((connection) =>
            request("ec2:DescribeVolumes", signal, (limit) => touch(connection.clients.ec2, volumeId, limit)),
        ),
    );

    let outcome: "none" | "refused" | "unknown" | "created" = "none";
    let created: string[] = [];
    undo.undo("delete the snapshots", async () => {
        const limited = { log: run.log, signal: AbortSignal.timeout(SEARCH_LIMIT_MS) };
        if (outcome === "created") {
            await deleteSet(clients, executionId, created, limited);
        } else if (outcome === "unknown") {
            await deleteUnknownSet(clients, executionId, source.volumes.length, limited);
        }
    });
    // For as long as pre-freeze takes; also when it fails, and the set is never asked for.
    const warm = keepWarm(own, (connection, limit) => touch(connection.clients.ec2Once, volumeId, limit));
    undo.cleanUp("end the connections' being kept open", () => warm.end());
    return async (limitMs, callSignal, givenUp) => {
        const deadline = performance.now() + limitMs;
        await run.shared.apiSlots.use(source.facts, AbortSignal.any([callSignal, givenUp]));
        const connection = warm.pick();
        outcome = "unknown";
        try {
            const set = await createSnapshots(
                connection.clients,
                setRequest(run, source),
                Math.ceil(Math.max(0, deadline - performance.now())),
                callSignal,
            );
            outcome = "created";
            created = set.snapshots.map((snapshot) => snapshot.snapshotId);
            return set;
        } catch (error) {
            outcome = error instanceof SnapshotCallError ? error.outcome : "unknown";
            throw error;
        }
    };
}
