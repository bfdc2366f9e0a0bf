import type { InstanceInformation } from "@aws-sdk/client-ssm";
import { agentFailures, notManaged } from "../../aws/agentFailures";
import type { Clients } from "../../aws/clients";
import type { Source } from "../../aws/instance";
import { awsErrorName } from "../../aws/request";
import { managedInstance } from "../../aws/systemsManager";
import { compareVersions } from "../../base/compareVersions";
import { type Failure, SnapshotError } from "../../base/errors";

/** EC2 User Guide, "Prerequisites for VSS snapshots". */
const MINIMUM_AGENT = "3.0.502.0";
/** Windows Server 2016 (the same page), as `PlatformVersion` has it. */
const MINIMUM_WINDOWS = "10.0";
/** The same page: these have too little memory. */
const TOO_SMALL = /^t(2|3|3a)\.(nano|micro)$/;

/** Everything that stands against VSS, found without touching the instance. */
export async function vssPreconditions(
    clients: Clients,
    source: Source,
    signal: AbortSignal,
): Promise<Failure[]> {
    const ofInstance = instanceFailures(source);
    if (source.state !== "running") {
        return ofInstance;
    }
    return [...ofInstance, ...(await ofSystemsManager(clients, source.facts.instanceId, signal))];
}

/** That Systems Manager ails is a failure of quiescing; that it may not be asked is one of the run. */
async function ofSystemsManager(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<Failure[]> {
    try {
        return managedFailures(await managedInstance(clients, instanceId, signal));
    } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SnapshotError)) {
            throw error;
        }
        return [error.code === "AWS_ERROR" ? noAnswer(error) : error.failure];
    }
}

function noAnswer(error: SnapshotError): Failure {
    if (awsErrorName(error) === "InvalidInstanceId") {
        return notManaged;
    }
    return {
        code: "SSM_OFFLINE",
        message: `Whether Systems Manager reaches the instance's agent could not be found out: ${error.failure.message}.`,
        remedy: "Run again when Systems Manager answers.",
    };
}

export function instanceFailures({ state, facts }: Source): Failure[] {
    const failures: Failure[] = [];
    if (state !== "running") {
        failures.push({
            code: "INSTANCE_STATE",
            message: `The instance is ${state}: only a running one can be quiesced by VSS.`,
            remedy: 'Start it, or use { method: "none" } for a stopped instance.',
        });
    }
    if (facts.platform !== "windows") {
        failures.push({
            code: "VSS_UNSUPPORTED",
            message: "The instance does not run Windows.",
            remedy: 'Use { method: "hooks" } for Linux.',
        });
    }
    if (TOO_SMALL.test(facts.instanceType ?? "")) {
        failures.push({
            code: "VSS_UNSUPPORTED",
            message: `${facts.instanceType ?? ""} has too little memory for VSS snapshots.`,
            remedy: 'Use a larger instance type (small or more), or { method: "none" }.',
        });
    }
    return failures;
}

export function managedFailures(managed: InstanceInformation | undefined): Failure[] {
    const failures = agentFailures(managed, { purpose: "VSS snapshots need", oldest: MINIMUM_AGENT });
    if (compareVersions(managed?.PlatformVersion ?? MINIMUM_WINDOWS, MINIMUM_WINDOWS) < 0) {
        failures.push({
            code: "VSS_UNSUPPORTED",
            message: `${managed?.PlatformName ?? "Windows"} (${managed?.PlatformVersion ?? ""}) is too old: VSS snapshots need Windows Server 2016 or newer.`,
            remedy: 'Update Windows, or use { method: "none" }.',
        });
    }
    return failures;
}
