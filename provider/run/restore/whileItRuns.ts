import type { Instance } from "@aws-sdk/client-ec2";
import { endOf } from "../../aws/copies";
import { findInstance } from "../../aws/instance";
import { SnapshotError } from "../../base/errors";
import { pause } from "../../base/pause";
import { timing } from "../../base/timing";
import type { RestoreRun } from "./restoreRun";

const LAST_LOOK_MS = 10_000;

type Watched = Pick<RestoreRun, "clients" | "signal">;

/**
 * Ends the work when EC2 ends the copy: a machine that is gone does not close its connections.
 * @throws SnapshotError that says so, also when the work has failed for that reason; or what the work throws
 */
export async function whileItRuns<T>(
    run: Watched,
    instanceId: string,
    work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
    const over = new AbortController();
    const watching = new AbortController();
    const watched = watch(run, instanceId, watching.signal, (error) => over.abort(error)).catch(
        () => undefined,
    );
    try {
        return await work(AbortSignal.any([run.signal, over.signal]));
    } catch (error) {
        run.signal.throwIfAborted();
        over.signal.throwIfAborted();
        throw (await lastLook(run, instanceId, error)) ?? error;
    } finally {
        watching.abort();
        await watched;
    }
}

async function watch(
    { clients }: Watched,
    instanceId: string,
    signal: AbortSignal,
    tell: (error: SnapshotError) => void,
): Promise<void> {
    for (;;) {
        await pause(timing.copyLookMs, signal);
        // A look that fails tells nothing; what needs AWS next says so.
        const instance = await findInstance(clients, instanceId, signal).catch(() => undefined);
        const error = instance && endError(instance, instanceId);
        if (error !== undefined) {
            tell(error);
            return;
        }
    }
}

async function lastLook(
    { clients, signal }: Watched,
    instanceId: string,
    cause: unknown,
): Promise<SnapshotError | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LAST_LOOK_MS)]);
    const instance = await findInstance(clients, instanceId, limit).catch(() => undefined);
    return instance && endError(instance, instanceId, cause);
}

function endError(instance: Instance, instanceId: string, cause?: unknown): SnapshotError | undefined {
    const end = endOf(instance);
    const output = cause instanceof SnapshotError ? cause.context.output : undefined;
    return end && new SnapshotError(end, { instanceId, output, cause });
}
