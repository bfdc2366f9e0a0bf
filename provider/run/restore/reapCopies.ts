import { type EarlierCopy, findCopies, terminateCopies, untilGone } from "../../aws/copies";
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

/**
 * Terminates what earlier runs for this resource left when they died. What goes wrong is a warning that names the copy.
 * @param patient waits until the leases have run out that a run may have renewed just before it died
 */
export async function reapCopies(run: RestoreRun, { patient }: { patient: boolean }): Promise<void> {
    const { inputs, clients, executionId, log } = run;
    if (inputs.owner === undefined) {
        return;
    }
    try {
        const found = await findCopies(clients, ownerTag(inputs.owner), run.signal);
        const others = found.filter((copy) => copy.executionId !== executionId);
        await Promise.all(others.map((copy) => look(run, copy, patient)));
    } catch (error) {
        log(`warning: could not look for what earlier runs left: ${messageOf(error)}`);
    }
}

async function look(run: RestoreRun, copy: EarlierCopy, patient: boolean): Promise<void> {
    const { clients, log, signal } = run;
    const now = clients.clock.now();
    switch (fateOf(copy, now)) {
        case "kept":
            log(`warning: ${nameOf(copy)}, which an earlier test has kept on failure, still runs`);
            return;
        case "reaped":
            await reap(run, copy);
            return;
        case "awaited": {
            if (!patient) {
                return;
            }
            const leftMs = Math.min((copy.lease ?? now) - now, timing.copyLeaseMs);
            log(
                `waiting ${Math.ceil(leftMs / 1000)} s to see whether the run of ${nameOf(copy)} still lives`,
                "status",
            );
            await pause(leftMs + 1_000, signal);
            const again = (await findCopies(clients, ownerTag(run.inputs.owner ?? ""), signal)).find(
                ({ executionId }) => executionId === copy.executionId,
            );
            if (again !== undefined && fateOf(again, clients.clock.now()) === "reaped") {
                await reap(run, again);
            } else if (again !== undefined) {
                log(`warning: ${nameOf(again)} belongs to another run of this resource, which still lives`);
            }
        }
    }
}

async function reap({ clients, log, signal }: RestoreRun, copy: EarlierCopy): Promise<void> {
    log(`terminating ${nameOf(copy)} of a run that died`);
    try {
        await terminateCopies(clients, copy.instanceIds, signal);
        await untilGone(clients, copy.executionId, copy.instanceIds, { log, signal });
    } catch (error) {
        signal.throwIfAborted();
        log(`warning: ${nameOf(copy)} is left of a run that died: ${messageOf(error)}`);
    }
}

function nameOf({ executionId, instanceIds, volumeIds }: EarlierCopy): string {
    return `the copy ${[...instanceIds, ...volumeIds].join(", ")} (${executionId})`;
}
