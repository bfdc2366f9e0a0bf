import { CreateSnapshotsCommand, type CreateSnapshotsCommandInput, type Tag } from "@aws-sdk/client-ec2";
import { abortable } from "../base/abortable";
import { type ErrorContext, type Failure, SnapshotError } from "../base/errors";
import type { Clients } from "./clients";
import { wordsOf } from "./foreignAnswer";
import type { VolumeSelection } from "./instance";
import { awsErrorName, awsFailure, dryRun, isRefusal, isThrottling, request } from "./request";

/** What CreateSnapshots is asked for. */
export interface SetRequest {
    readonly instanceId: string;
    readonly description: string;
    readonly selection: VolumeSelection | undefined;
    readonly copyTagsFromVolumes: boolean;
    readonly tags: readonly Tag[];
}

/** One snapshot as CreateSnapshots answered it. */
export interface CreatedSnapshot {
    readonly snapshotId: string;
    readonly volumeId: string;
    /** ISO 8601. */
    readonly startTime: string;
}

/** The answer of one CreateSnapshots. */
export interface CreatedSet {
    readonly snapshots: readonly CreatedSnapshot[];
    /** ISO 8601, by the controller's clock. */
    readonly requestedAt: string;
    readonly returnedAt: string;
    /** How long the API took, in milliseconds. */
    readonly apiMs: number;
}

/** CreateSnapshots did not answer with a set. `refused`: there is none. `unknown`: there may be one. */
export class SnapshotCallError extends SnapshotError {
    constructor(
        failure: Failure,
        readonly outcome: "refused" | "unknown",
        context: ErrorContext,
    ) {
        super(failure, context);
    }
}

function commandInput(set: SetRequest): CreateSnapshotsCommandInput {
    const excluded = set.selection?.excludeDataVolumeIds ?? [];
    return {
        InstanceSpecification: {
            InstanceId: set.instanceId,
            ExcludeBootVolume: set.selection?.excludeBootVolume ?? false,
            ...(excluded.length > 0 ? { ExcludeDataVolumeIds: [...excluded] } : {}),
        },
        Description: set.description,
        ...(set.copyTagsFromVolumes ? { CopyTagsFromSource: "volume" } : {}),
        TagSpecifications: [{ ResourceType: "snapshot", Tags: [...set.tags] }],
    };
}

/** Asks EC2 whether it would take the set, with the very tags: nothing is made. */
export async function dryRunCreateSnapshots(
    clients: Clients,
    set: SetRequest,
    signal: AbortSignal,
): Promise<Failure | undefined> {
    const error = await dryRun(
        request("ec2:CreateSnapshots", signal, (abortSignal) =>
            clients.ec2.send(new CreateSnapshotsCommand({ ...commandInput(set), DryRun: true }), {
                abortSignal,
            }),
        ),
    );
    return error?.failure;
}

/**
 * Takes the set by one request that is sent once. Ends at the limit and when it is aborted, wherever the SDK is then:
 * whether the request was sent is not known in that case.
 */
export async function createSnapshots(
    clients: Clients,
    set: SetRequest,
    limitMs: number,
    signal: AbortSignal,
): Promise<CreatedSet> {
    const requestedAt = new Date().toISOString();
    const started = performance.now();
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    try {
        const command = new CreateSnapshotsCommand(commandInput(set));
        const answer = await abortable(clients.ec2Once.send(command, { abortSignal }), abortSignal);
        return {
            snapshots: (answer.Snapshots ?? []).map((snapshot) => ({
                snapshotId: snapshot.SnapshotId ?? "",
                volumeId: snapshot.VolumeId ?? "",
                startTime: snapshot.StartTime?.toISOString() ?? requestedAt,
            })),
            requestedAt,
            returnedAt: new Date().toISOString(),
            // To a tenth: what is below is noise of the network.
            apiMs: Math.round((performance.now() - started) * 10) / 10,
        };
    } catch (error) {
        throw callError(error, set.instanceId, limitMs);
    }
}

function callError(error: unknown, instanceId: string, limitMs: number): SnapshotCallError {
    const name = awsErrorName(error);
    if (isThrottling(error)) {
        const failure: Failure = {
            code: "SNAPSHOT_THROTTLED",
            message: `CreateSnapshots was throttled: ${wordsOf(error)}`,
            remedy: "Run again later, or ask AWS for a higher request rate.",
        };
        return new SnapshotCallError(failure, "refused", { instanceId, cause: error });
    }
    if (isRefusal(error)) {
        const known = awsFailure("ec2:CreateSnapshots", error);
        const failure: Failure = known.code === "AWS_ERROR" ? { ...known, code: "SNAPSHOT_REFUSED" } : known;
        return new SnapshotCallError(failure, "refused", { instanceId, cause: error });
    }
    const why =
        name === "TimeoutError" || name === "AbortError"
            ? `no answer within ${limitMs / 1000} s`
            : wordsOf(error);
    const failure: Failure = {
        code: "SNAPSHOT_OUTCOME_UNKNOWN",
        message: `It is not known whether EC2 has carried out CreateSnapshots (${why}).`,
        remedy: "Run again.",
    };
    return new SnapshotCallError(failure, "unknown", { instanceId, cause: error });
}
