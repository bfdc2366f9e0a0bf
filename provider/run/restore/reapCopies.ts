import { type EarlierCopy, findCopies, terminateCopy, untilGone } from "../../aws/copies";
import { ownerTag } from "../../aws/tags";
import { messageOf } from "../../base/errors";
import { pause } from "../../base/pause";
import { timing } from "../../base/timing";
import type { RestoreRun } from "./restoreRun";

/** What is to be done about a copy of another run of the same resource. */
export type Fate = "kept" | "reaped" | "awaited";

/** A run that lives renews the lease of its copy before it ends. */
export function fateOf({ kept, lease }: EarlierCopy, now: number): Fate {
    if (kept) {
        return "kept";
    }
    return lease === undefined || lease < now ? "reaped" : "awaited";
}

export interface Reaping extends Pick<RestoreRun, "clients" | "executionId" | "log" | "signal"> {
    /** The URN of the resource. */
    readonly owner: string | undefined;
}

/**
 * Terminates what earlier runs for this resource left when they died.
 * @param patient waits until the leases have run out that a run may have renewed just before it died
 * @returns what could not be done, with the names of the copies
 */
export async function reapCopies(reaping: Reaping, { patient }: { patient: boolean }): Promise<string[]> {
    try {
        const others = await othersOf(reaping);
        const problems = await Promise.all(others.map((copy) => look(reaping, copy, patient)));
        return problems.filter((problem) => problem !== undefined);
    } catch (error) {
        return [`could not look for what earlier runs left: ${messageOf(error)}`];
    }
}

/** The copies of other runs for this resource. */
export async function othersOf({ owner, clients, executionId, signal }: Reaping): Promise<EarlierCopy[]> {
    const found = owner === undefined ? [] : await findCopies(clients, ownerTag(owner), signal);
    return found.filter((copy) => copy.executionId !== executionId);
}

async function look(reaping: Reaping, copy: EarlierCopy, patient: boolean): Promise<string | undefined> {
    const { clients, log, signal } = reaping;
    const now = clients.clock.now();
    switch (fateOf(copy, now)) {
        case "kept":
            log(`warning: ${nameOf(copy)}, which an earlier test has kept on failure, still runs`);
            return undefined;
        case "reaped":
            return await reap(reaping, copy);
        case "awaited": {
            if (!patient) {
                return undefined;
            }
            const leftMs = Math.min((copy.lease ?? now) - now, timing.copyLeaseMs);
            log(
                `waiting ${Math.ceil(leftMs / 1000)} s to see whether the run of ${nameOf(copy)} still lives`,
                "status",
            );
            await pause(leftMs + 1_000, signal);
            const again = (await othersOf(reaping)).find(
                ({ executionId }) => executionId === copy.executionId,
            );
            if (again !== undefined && fateOf(again, clients.clock.now()) === "reaped") {
                return await reap(reaping, again);
            }
            if (again !== undefined) {
                log(`warning: ${nameOf(again)} belongs to another run of this resource, which still lives`);
            }
            return undefined;
        }
    }
}

async function reap({ clients, log, signal }: Reaping, copy: EarlierCopy): Promise<string | undefined> {
    log(`terminating ${nameOf(copy)} of a run that died`);
    try {
        for (const instanceId of copy.instanceIds) {
            await terminateCopy(clients, instanceId, signal);
        }
        await untilGone(clients, copy.executionId, copy.instanceIds, { log, signal });
        return undefined;
    } catch (error) {
        signal.throwIfAborted();
        return `${nameOf(copy)} is left of a run that died: ${messageOf(error)}`;
    }
}

export function nameOf({ executionId, instanceIds, volumeIds }: EarlierCopy): string {
    return `the copy ${[...instanceIds, ...volumeIds].join(", ")} (${executionId})`;
}
