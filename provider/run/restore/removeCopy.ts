import { instancesOf, terminateCopy, untilGone } from "../../aws/copies";
import { tagKeys } from "../../aws/tags";
import { SnapshotError } from "../../base/errors";
import { isHurried } from "../../base/interruption";
import { poll } from "../../base/poll";
import { timing } from "../../base/timing";
import type { RestoreRun } from "./restoreRun";

const LOOK_MS = 2_000;
const HURRIED_LOOK_MS = 500;

/** For all of it: EC2 may show a copy late, and terminates it in minutes. */
export const removalLimitMs = () => 2 * timing.visibleMs + timing.copyGoneMs + 60_000;
/** The process ends 4 s after the signal (`Interruption`), and may have waited for an answer of RunInstances. */
const HURRIED_LIMIT_MS = 2_500;

type Removal = Pick<RestoreRun, "clients" | "executionId" | "log" | "signal">;

/** What is known of a copy. */
export interface Launched {
    /** Undefined when it is not known whether there is one. */
    readonly instanceId: string | undefined;
    /** On the clock of `performance.now()`; undefined for one of an earlier run. */
    readonly launchedAt?: number | undefined;
}

/**
 * Terminates a copy, waits until it is gone, and deletes the volumes that it leaves. A hurried run only tells EC2 to: a
 * later one looks after what is left.
 * @throws SnapshotError `COPY_LEFT`
 */
export async function removeCopy(removal: Removal, launched: Launched): Promise<void> {
    const { clients, executionId, log, signal: runs } = removal;
    const hurried = isHurried(runs);
    const limitMs = hurried ? HURRIED_LIMIT_MS : timing.visibleMs;
    const signal = AbortSignal.timeout(hurried ? HURRIED_LIMIT_MS : removalLimitMs());
    const look = { interval: hurried ? HURRIED_LOOK_MS : LOOK_MS, signal };
    const instanceIds =
        launched.instanceId === undefined
            ? await findNew(removal, { ...look, deadline: performance.now() + limitMs })
            : [launched.instanceId];
    const { launchedAt = -Infinity } = launched;
    const known = await Promise.all(
        // A new one may not be known yet (EC2 API reference, "Eventual consistency").
        instanceIds.map((instanceId) =>
            poll(async () => ((await terminateCopy(clients, instanceId, signal)) ? true : undefined), {
                ...look,
                deadline: Math.min(launchedAt + timing.visibleMs, performance.now() + limitMs),
            }),
        ),
    );
    if (!hurried) {
        await untilGone(clients, executionId, instanceIds, { log, signal });
    } else if (instanceIds.length === 0 || known.includes(undefined)) {
        throw unknownYet(executionId, launched.instanceId);
    }
}

/** A copy that may have been launched a moment ago, as soon as EC2 tells of it. */
async function findNew(
    { clients, executionId }: Removal,
    look: { deadline: number; interval: number; signal: AbortSignal },
): Promise<string[]> {
    const found = await poll(async () => {
        const ids = await instancesOf(clients, executionId, look.signal);
        return ids.length > 0 ? ids : undefined;
    }, look);
    return found ?? [];
}

function unknownYet(executionId: string, instanceId: string | undefined): SnapshotError {
    return new SnapshotError(
        {
            code: "COPY_LEFT",
            message:
                `EC2 does not know yet of ${instanceId ?? `a copy with the tag ${tagKeys.execution}=${executionId}`}, and there ` +
                "was no time to wait",
            remedy: "Run again, which terminates it if there is one.",
        },
        { instanceId },
    );
}
