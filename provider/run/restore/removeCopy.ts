import { instancesOf, terminateCopies, untilGone } from "../../aws/copies";
import { isHurried } from "../../base/interruption";
import { poll } from "../../base/poll";
import { timing } from "../../base/timing";
import type { RestoreRun } from "./restoreRun";

const LOOK_MS = 2_000;

/** For all of it: EC2 may show a copy late, and terminates it in minutes. */
export const removalLimitMs = () => timing.visibleMs + timing.copyGoneMs + 60_000;
/** Pulumi kills the provider 5 s after the SIGINT (sdk/go/common/resource/plugin, `Close`). */
export const HURRIED_LIMIT_MS = 3_000;

/**
 * Terminates a copy, waits until it is gone, and deletes the volumes that it leaves. A hurried run only tells EC2 to: a
 * later one looks after what is left.
 * @param instanceId undefined when it is not known whether there is one
 * @throws SnapshotError `COPY_LEFT`
 */
export async function removeCopy(
    {
        clients,
        executionId,
        log,
        signal: runs,
    }: Pick<RestoreRun, "clients" | "executionId" | "log" | "signal">,
    instanceId: string | undefined,
): Promise<void> {
    const hurried = isHurried(runs);
    const signal = AbortSignal.timeout(hurried ? HURRIED_LIMIT_MS : removalLimitMs());
    const instanceIds =
        instanceId === undefined
            ? await findNew(clients, executionId, hurried ? HURRIED_LIMIT_MS : timing.visibleMs, signal)
            : [instanceId];
    await terminateCopies(clients, instanceIds, signal);
    if (!hurried) {
        await untilGone(clients, executionId, instanceIds, { log, signal });
    }
}

/** A copy that may have been launched a moment ago, as soon as EC2 tells of it. */
async function findNew(
    clients: RestoreRun["clients"],
    executionId: string,
    limitMs: number,
    signal: AbortSignal,
): Promise<string[]> {
    const found = await poll(
        async () => {
            const ids = await instancesOf(clients, executionId, signal);
            return ids.length > 0 ? ids : undefined;
        },
        { deadline: performance.now() + limitMs, interval: LOOK_MS, signal },
    );
    return found ?? [];
}
