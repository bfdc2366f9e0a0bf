import { abortable } from "../base/abortable";
import { dryRunCreateSnapshots } from "../aws/createSnapshots";
import { findEarlierSets } from "../aws/earlierSets";
import type { Clients } from "../aws/clients";
import type { Source, SourceVolume } from "../aws/instance";
import { dryRunSetTags } from "../aws/setTags";
import { dryRunDelete } from "../aws/deleteSet";
import { foreignAnswer } from "../aws/foreignAnswer";
import { findSnapshots } from "../aws/snapshots";
import { MAX_TAGS, ownerTag, tagKeys } from "../aws/tags";
import {
    type Failure,
    type ReasonCode,
    SnapshotError,
    combine,
    messageOf,
    quiescingPreconditions,
} from "../base/errors";
import { type SnapshotInputs, minimumLevelOf } from "../inputs/inputs";
import { timeoutsOf } from "../inputs/timeouts";
import { QuiesceError } from "../quiesce/quiesceError";
import { type Quiescer, takesSet } from "../quiesce/quiescer";
import type { Run } from "./run";
import { setRequest } from "./setRequest";

/** Failures of quiescing alone: a plain snapshot may take the place, if `minimumLevel` allows. All others are errors. */
const ofQuiescing: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
    ...quiescingPreconditions,
    "INSTANCE_STATE",
    "IDENTITY_UNVERIFIED",
]);

/** Checks everything before anything is touched, and reports all that is wrong together. */
export async function assertPreconditions(run: Run, source: Source, quiescer: Quiescer): Promise<void> {
    const error = preconditionError(await failedPreconditions(run, source, quiescer));
    if (error !== undefined) {
        throw error;
    }
}

/** Everything that stands against the run; touches nothing. */
export async function failedPreconditions(run: Run, source: Source, quiescer: Quiescer): Promise<Failure[]> {
    // Settled, so that whatever one has begun has ended when the other fails.
    const results = await Promise.allSettled([
        awsPreconditions(run, source, quiescer),
        quiescer.preconditions(),
    ]);
    return results.flatMap(valueOf);
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
    if (result.status === "rejected") {
        throw result.reason;
    }
    return result.value;
}

/** What the failures of all preconditions amount to. */
export function preconditionError(failures: readonly Failure[]): SnapshotError | undefined {
    const hard = failures.filter((failure) => !ofQuiescing.has(failure.code));
    const [first] = hard;
    if (first !== undefined) {
        const soft = failures.filter((failure) => ofQuiescing.has(failure.code));
        return new SnapshotError(combine(first.code, [...hard, ...soft]));
    }
    return failures.length === 0
        ? undefined
        : new QuiesceError(combine("PRECONDITION_FAILED", failures), { awake: true, mayFallBack: true });
}

/** Whether a plain set is what comes of the failures: they are of quiescing alone, and `minimumLevel` allows it. */
export function endInPlainSet(
    inputs: Pick<SnapshotInputs, "minimumLevel" | "quiesce">,
    failures: readonly Failure[],
): boolean {
    return minimumLevelOf(inputs) === "crash" && failures.every(({ code }) => ofQuiescing.has(code));
}

async function awsPreconditions(run: Run, source: Source, quiescer: Quiescer): Promise<Failure[]> {
    // Who never calls CreateSnapshots need not be allowed to.
    const callsApi = !takesSet(quiescer) || minimumLevelOf(run.inputs) === "crash";
    const found = await Promise.all(
        [
            pendingFailure(run, source),
            ...(callsApi ? [permissionFailure(run, source)] : []),
            laterPermissions(run),
            credentialsFailure(run),
        ].map((check) => check.catch(asFailure)),
    );
    return [multiAttachFailure(run, source), tagsFailure(run, source), ...found].flatMap(
        (failure) => failure ?? [],
    );
}

/** A dry run counts against the API's limit like any other request. */
async function permissionFailure(run: Run, source: Source): Promise<Failure | undefined> {
    await run.shared.apiSlots.take(source.facts, run);
    await run.shared.apiSlots.use(source.facts, run.signal);
    return await dryRunCreateSnapshots(run.clients, setRequest(run, source), run.signal);
}

function multiAttachFailure(run: Run, { volumes }: Source): Failure | undefined {
    const shared = volumes.filter((volume) => volume.multiAttached).map((volume) => volume.volumeId);
    if (shared.length === 0 || minimumLevelOf(run.inputs) === "crash") {
        return undefined;
    }
    return {
        code: "MULTI_ATTACH",
        message: `${shared.join(", ")} is attached to other instances too, which may write to it meanwhile.`,
        remedy: multiAttachRemedy(run.inputs.quiesce.method),
    };
}

/** VSS takes all data volumes. */
export function multiAttachRemedy(method: SnapshotInputs["quiesce"]["method"]): string {
    const way =
        method === "vss" ? "Detach them from the others" : "Exclude them with volumes.excludeDataVolumeIds";
    return `${way}, or set minimumLevel: "crash".`;
}

/** A question that AWS does not answer is one failure among others. */
function asFailure(error: unknown): Failure {
    if (error instanceof SnapshotError) {
        return error.failure;
    }
    throw error;
}

function tagsFailure(run: Run, source: Source): Failure | undefined {
    if (!run.inputs.copyTagsFromVolumes) {
        return undefined;
    }
    // The level comes on top when it is known.
    const own = [...setRequest(run, source).tags.map((tag) => tag.Key ?? ""), tagKeys.level];
    const over = source.volumes.filter((volume) => new Set([...own, ...volume.tagKeys]).size > MAX_TAGS);
    if (over.length === 0) {
        return undefined;
    }
    return {
        code: "TOO_MANY_TAGS",
        message: `With the tags copied from it, the snapshot of ${over.map((v) => v.volumeId).join(", ")} would have more than ${MAX_TAGS} tags.`,
        remedy: "Remove tags from the volume or from `tags`, or set copyTagsFromVolumes: false.",
    };
}

/** EBS User Guide, "Quotas": pending snapshots of one volume, 1 for st1 and sc1. */
function maxPending(volume: SourceVolume): number {
    return volume.volumeType === "st1" || volume.volumeType === "sc1" ? 1 : 5;
}

async function pendingFailure({ clients, signal }: Run, { volumes }: Source): Promise<Failure | undefined> {
    const pending = await findSnapshots(
        clients,
        [
            { Name: "volume-id", Values: volumes.map((volume) => volume.volumeId) },
            { Name: "status", Values: ["pending"] },
        ],
        signal,
    );
    const over = volumes.filter(
        (volume) =>
            pending.filter((snapshot) => snapshot.VolumeId === volume.volumeId).length >= maxPending(volume),
    );
    if (over.length === 0) {
        return undefined;
    }
    return {
        code: "SNAPSHOT_LIMIT",
        message: `${over.map((v) => v.volumeId).join(", ")} already has as many pending snapshots as EC2 allows.`,
        remedy: "Run again when they have completed.",
    };
}

/** Tagging and deleting come after the freeze; an earlier set of this resource is there to try both on. */
async function laterPermissions({ clients, inputs, signal }: Run): Promise<Failure | undefined> {
    if (inputs.owner === undefined) {
        return undefined;
    }
    const [set] = await findEarlierSets(clients, ownerTag(inputs.owner), [inputs.instanceId], signal);
    const [snapshotId] = set?.snapshotIds ?? [];
    if (snapshotId === undefined) {
        return undefined;
    }
    const results = await Promise.all([
        dryRunSetTags(clients, snapshotId, { [tagKeys.state]: "complete" }, signal),
        dryRunDelete(clients, snapshotId, signal),
    ]);
    return results.find((error) => error?.code === "ACCESS_DENIED")?.failure;
}

/** Credentials must outlive the longest freeze by this. */
const CREDENTIALS_MARGIN_S = 60;

/**
 * Makes sure that there are credentials which outlive the freeze, for `Clients.ec2Once` to use; renews them before it
 * where that helps.
 */
export async function credentialsFailure({ clients, inputs, signal }: Run): Promise<Failure | undefined> {
    const { preFreeze, freeze } = timeoutsOf(inputs);
    const needed = preFreeze + freeze + CREDENTIALS_MARGIN_S;
    try {
        let expiration = await resolveCredentials(clients, signal, false);
        if (!lasts(expiration, needed, clients.clock.now())) {
            expiration = await resolveCredentials(clients, signal, true);
        }
        return lasts(expiration, needed, clients.clock.now())
            ? undefined
            : credentialsExpire(expiration, needed);
    } catch (error) {
        signal.throwIfAborted();
        return {
            code: "CREDENTIALS",
            message: `There are no AWS credentials: ${foreignAnswer(error) ?? messageOf(error)}`,
            remedy: "Check that the profile, the role or the process that provides them works, and run again.",
        };
    }
}

const CREDENTIALS_LIMIT_MS = 60_000;

/** @returns when they end, if they do */
async function resolveCredentials(
    { ec2 }: Clients,
    signal: AbortSignal,
    forceRefresh: boolean,
): Promise<Date | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CREDENTIALS_LIMIT_MS)]);
    return (await abortable(ec2.config.credentials({ forceRefresh }), limit)).expiration;
}

/** @param now by AWS's clock, as the expiration is */
function lasts(expiration: Date | undefined, seconds: number, now: number): expiration is undefined {
    return expiration === undefined || expiration.getTime() - now >= seconds * 1000;
}

function credentialsExpire(expiration: Date, needed: number): Failure {
    return {
        code: "CREDENTIALS_EXPIRE",
        message: `The AWS credentials expire at ${expiration.toISOString()}, within the ${needed} s that a freeze may take.`,
        remedy: "Renew the credentials and run again.",
    };
}
