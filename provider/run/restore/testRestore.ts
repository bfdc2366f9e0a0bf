import { accountOf } from "../../aws/clients";
import { isEnding, launchCopy, untilRunning } from "../../aws/copies";
import { findInstance } from "../../aws/instance";
import { setTags } from "../../aws/setTags";
import { ownerTag, tagKeys } from "../../aws/tags";
import { SnapshotError, asSnapshotError, messageOf } from "../../base/errors";
import { isUnheard } from "../../base/interruption";
import { outliving } from "../../base/outliving";
import { pause } from "../../base/pause";
import { restoreSecretTable, secretsIn } from "../../base/secretTable";
import { timing } from "../../base/timing";
import { Undo } from "../../base/undo";
import { restoreTimeoutsOf, sourceText } from "../../inputs/restoreInputs";
import { knownFailure } from "../../quiesce/hooks/knownFailure";
import { StillBooting, runVerify } from "../../quiesce/hooks/verify";
import type { SshConnection } from "../../transport/ssh/connection";
import { bootCopy } from "./bootCopy";
import { reapCopies } from "./reapCopies";
import { removalLimitMs, removeCopy } from "./removeCopy";
import { RecordedError, type RestoreRun, type RestoreState } from "./restoreRun";
import { whileItRuns } from "./whileItRuns";

/** What was seen so far. */
interface Seen {
    /** RunInstances was sent; on the clock of `performance.now()`. */
    launchedAt?: number;
    instanceId?: string;
    bootSeconds?: number;
    verifySeconds?: number;
    recoverySeconds?: number;
}

/**
 * Launches a copy, waits until it answers, runs the script on it, and terminates it, whatever happens.
 * @throws RecordedError when the test failed, or when a copy is left; SnapshotError when there was none to test
 */
export async function testRestore(run: RestoreRun): Promise<RestoreState> {
    const accountId = await accountOf(run.clients, run.signal);
    await reap(run, { patient: false });
    const undo = new Undo();
    const seen: Seen = {};
    const failed = await attempt(run, seen, undo).then(
        () => undefined,
        (error: unknown) => asSnapshotError(run.signal.aborted ? run.signal.reason : error),
    );
    const kept = await keepIfAsked(run, seen, failed, undo);
    const problems = await undo.unwind(removalLimitMs());
    if (!run.signal.aborted) {
        await reap(run, { patient: true });
    }
    return resultOf(run, accountId, seen, { failed, kept, problems });
}

/** What cannot be reaped costs no test its result: a warning names it, in each run. */
async function reap({ inputs, ...run }: RestoreRun, how: { patient: boolean }): Promise<void> {
    for (const problem of await reapCopies({ ...run, owner: inputs.owner }, how)) {
        run.log(`warning: ${problem}`);
    }
}

const TERMINATE = "terminate the copy";

async function attempt(run: RestoreRun, seen: Seen, undo: Undo): Promise<void> {
    const { inputs, log, signal } = run;
    const timeouts = restoreTimeoutsOf(inputs);
    signal.throwIfAborted();
    log(`launching a copy of ${sourceText(inputs)}; it is terminated whatever happens`);
    const opened: SshConnection[] = [];
    // Comes after the termination, for which there may be little time.
    undo.cleanUp("close the connection", async () => {
        await opened[0]?.close();
    });
    undo.undo(TERMINATE, async () => {
        if (seen.launchedAt !== undefined) {
            await removeCopy(run, { instanceId: seen.instanceId, launchedAt: seen.launchedAt });
        }
    });
    const launchedAt = (seen.launchedAt = performance.now());
    const instanceId = await launch(run, seen);
    log(`the copy is ${instanceId}; waiting until it answers, for ${timeouts.boot} s at most`);
    const stopRenewing = renewLease(run, instanceId);
    undo.cleanUp("stop renewing the lease", () => {
        stopRenewing();
        return Promise.resolve();
    });
    const deadline = launchedAt + timeouts.boot * 1000;
    const running = await untilRunning(run.clients, instanceId, { deadline, log, signal });
    const printed = await whileItRuns(run, instanceId, async (limited) => {
        const watched = { ...run, signal: limited };
        const connection = await bootCopy(watched, running, deadline);
        opened.push(connection);
        seen.bootSeconds = secondsSince(launchedAt);
        log(
            `${instanceId} answers ${seen.bootSeconds} s after its launch; verifying, for ${timeouts.verify} s at most`,
        );
        const verifyingAt = performance.now();
        const last = await verify(watched, connection, instanceId, deadline);
        seen.verifySeconds = secondsSince(verifyingAt);
        return last;
    });
    seen.recoverySeconds = secondsSince(launchedAt);
    printed.forEach((line) => log(`verify: ${line}`));
    log(`recovered and verified in ${seen.recoverySeconds} s; terminating ${instanceId}`);
}

/** Whoever ends the run while EC2 launches it waits for the answer that long, because only that names what to terminate. */
const ANSWER_GRACE_MS = 1_000;

/** A launch that EC2 has refused leaves nothing to look for. */
async function launch({ inputs, clients, executionId, signal }: RestoreRun, seen: Seen): Promise<string> {
    const { imageId, launchTemplate, launch: how } = inputs;
    const tags = {
        ...inputs.tags,
        [tagKeys.execution]: executionId,
        ...(inputs.owner === undefined ? {} : { [tagKeys.owner]: ownerTag(inputs.owner) }),
        ...leaseTag(clients),
    };
    const patient = outliving(signal, ANSWER_GRACE_MS);
    try {
        const copy = { executionId, imageId, launchTemplate, launch: how, tags };
        return (seen.instanceId = await launchCopy(clients, copy, patient.signal));
    } catch (error) {
        if (isRefused(error)) {
            delete seen.launchedAt;
        }
        throw error;
    } finally {
        patient.end();
    }
}

function isRefused(error: unknown): boolean {
    return (
        error instanceof SnapshotError && error.code !== "LAUNCH_FAILED" && error.context.cause !== undefined
    );
}

function leaseTag(clients: RestoreRun["clients"]): Record<string, string> {
    return { [tagKeys.lease]: new Date(clients.clock.now() + timing.copyLeaseMs).toISOString() };
}

/** Keeps the lease in the future. @returns what ends that */
function renewLease({ clients, log, signal }: RestoreRun, instanceId: string): () => void {
    const renewal = setInterval(() => {
        setTags(clients, [instanceId], leaseTag(clients), signal).catch((error: unknown) =>
            log(`warning: could not renew the lease of ${instanceId}: ${messageOf(error)}`),
        );
    }, timing.copyRenewalMs);
    return () => clearInterval(renewal);
}

/** What cloud-init has not brought yet is waited for, as long as the copy may boot. */
async function verify(
    { inputs, executionId, log, signal }: RestoreRun,
    connection: SshConnection,
    instanceId: string,
    deadline: number,
): Promise<string[]> {
    for (;;) {
        try {
            return await runVerify(connection, {
                executionId,
                instanceId,
                sudo: inputs.sudo ?? inputs.connection.user !== "root",
                verify: inputs.verify,
                limit: restoreTimeoutsOf(inputs).verify,
                secrets: secretsIn(restoreSecretTable, inputs),
                signal,
            });
        } catch (error) {
            const booting = error instanceof StillBooting;
            const failure = booting ? error.failure : knownFailure(error);
            if (booting && performance.now() < deadline) {
                log("waiting for cloud-init to finish on the copy", "status");
                await pause(timing.bootPauseMs, signal);
                continue;
            }
            throw error instanceof SnapshotError || failure === undefined
                ? error
                : new SnapshotError(failure, { instanceId, cause: error });
        }
    }
}

function secondsSince(start: number): number {
    return Math.round((performance.now() - start) / 100) / 10;
}

const KEEP_LIMIT_MS = 30_000;

/** Whether the copy stays, for somebody to look at; never when nobody is left to be told. */
async function keepIfAsked(
    { inputs, clients, log, signal }: RestoreRun,
    { instanceId }: Seen,
    failed: SnapshotError | undefined,
    undo: Undo,
): Promise<boolean> {
    if (failed === undefined || inputs.keepOnFailure !== true || instanceId === undefined || signal.aborted) {
        return false;
    }
    const limit = AbortSignal.timeout(KEEP_LIMIT_MS);
    try {
        const copy = await findInstance(clients, instanceId, limit);
        if (copy === undefined || isEnding(copy)) {
            return false;
        }
        await setTags(clients, [instanceId], { [tagKeys.state]: "kept" }, limit);
    } catch (error) {
        log(
            `warning: ${instanceId} is not kept, because it could not be marked as such: ${messageOf(error)}`,
        );
        return false;
    }
    undo.commit();
    return true;
}

interface End {
    readonly failed: SnapshotError | undefined;
    readonly kept: boolean;
    readonly problems: readonly string[];
}

/** @throws what `testRestore` throws */
function resultOf(
    run: RestoreRun,
    accountId: string,
    { launchedAt, instanceId, ...seen }: Seen,
    { failed, kept, problems }: End,
): RestoreState {
    const problem = problems.find((one) => one.startsWith(TERMINATE));
    const state: RestoreState = {
        ...seen,
        passed: failed === undefined,
        left: kept || problem !== undefined,
        region: run.clients.region,
        accountId,
        instanceId: instanceId ?? "",
        testedAt: new Date().toISOString(),
        ...(failed === undefined ? {} : { reason: failed.code, message: failed.failure.message }),
    };
    const error = failed ?? (problem === undefined ? undefined : leftError(instanceId, problem));
    if (error === undefined) {
        return state;
    }
    const told = error.withContext({
        instanceId,
        state: standing(instanceId, launchedAt !== undefined, kept, problem, run),
    });
    const isTold = instanceId !== undefined && !isUnheard(run.signal) && (state.left || !run.signal.aborted);
    throw isTold ? new RecordedError(told, state) : told;
}

function leftError(instanceId: string | undefined, problem: string): SnapshotError {
    return new SnapshotError(
        {
            code: "COPY_LEFT",
            message: `The test passed, but the copy ${instanceId ?? ""} may still be there.`,
            remedy: "Run again, which terminates it; or do so by hand.",
        },
        { instanceId, cause: problem },
    );
}

/** What state things are in now. */
function standing(
    instanceId: string | undefined,
    launched: boolean,
    kept: boolean,
    problem: string | undefined,
    { executionId, signal }: RestoreRun,
): string {
    if (kept) {
        return `the copy ${instanceId ?? ""} is kept, AND RUNS, until the next run of this resource; terminate it when you have looked.`;
    }
    if (problem !== undefined) {
        const name = instanceId ?? `(tag ${tagKeys.execution}=${executionId})`;
        return `THE COPY ${name} MAY STILL RUN (${problem}); the next run terminates it.`;
    }
    if (!launched) {
        return "no copy was launched.";
    }
    return signal.aborted
        ? "EC2 was told to terminate the copy; what is left of it the next run deletes."
        : "the copy is terminated, and its volumes are deleted.";
}
