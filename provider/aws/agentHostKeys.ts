import type { InstanceInformation } from "@aws-sdk/client-ssm";
import { type Failure, SnapshotError } from "../base/errors";
import { newExecutionId } from "../base/executionId";
import { poll } from "../base/poll";
import { timing } from "../base/timing";
import { parseHostKey } from "../transport/ssh/hostKey";
import { notManaged, offline } from "./agentFailures";
import type { Clients } from "./clients";
import type { ReadOptions } from "./consoleHostKeys";
import { cannotBeFrozen, findInstance } from "./instance";
import { awsErrorName } from "./request";
import { awaitCommand, endText, managedInstance, sendCommand } from "./systemsManager";

const DOCUMENT = "AWS-RunShellScript";
/** Prints what everybody on the instance may read, and does no more. An instance that boots may have no keys yet. */
const PRINT_KEYS = 'for key in /etc/ssh/ssh_host_*_key.pub; do if [ -r "$key" ]; then cat "$key"; fi; done';
/** Seconds, for a command of milliseconds. */
const EXECUTION_LIMIT_S = "60";

/**
 * Reads the host keys' fingerprints by a command that the instance's SSM agent runs; waits while it boots. AWS vouches
 * for the instance that the command ran on, as it does for a console's owner.
 * @throws SnapshotError when there are none in time, or can be none
 */
export async function readHostKeys(
    clients: Clients,
    instanceId: string,
    { deadline, log, signal }: ReadOptions,
): Promise<string[]> {
    await assertRunning(clients, instanceId, signal);
    let missing: Failure = notManaged;
    let hasPrintedNone = false;
    const keys = await poll(
        async () => {
            const managed = await managedInstance(clients, instanceId, signal);
            missing = stillMissing(managed);
            if (missing.code !== "HOST_KEYS_NOT_FOUND") {
                return undefined;
            }
            if (managed?.PlatformType !== "Linux") {
                throw new SnapshotError(notLinux(managed), { instanceId });
            }
            try {
                const printed = await printedKeys(clients, instanceId, deadline, signal);
                hasPrintedNone ||= printed === undefined;
                return printed;
            } catch (error) {
                // The time ends while one more command runs. What the ones before it have shown is the reason.
                if (hasPrintedNone && !signal.aborted && performance.now() >= deadline) {
                    return undefined;
                }
                throw error;
            }
        },
        {
            deadline,
            interval: timing.hostKeysPauseMs,
            signal,
            onWait: () =>
                log("waiting for Systems Manager to read the SSH host keys on the instance", "status"),
        },
    );
    if (keys === undefined) {
        throw new SnapshotError(missing, { instanceId });
    }
    return keys;
}

async function assertRunning(clients: Clients, instanceId: string, signal: AbortSignal): Promise<void> {
    const state = (await findInstance(clients, instanceId, signal))?.State?.Name;
    if (state === undefined) {
        throw new SnapshotError(
            {
                code: "INSTANCE_NOT_FOUND",
                message: `There is no such instance in region ${clients.region}.`,
                remedy: "Check the instance id, the region and the account.",
            },
            { instanceId },
        );
    }
    if (cannotBeFrozen(state)) {
        throw new SnapshotError(
            {
                code: "INSTANCE_STATE",
                message: `The instance is ${state}: Systems Manager reads the host keys of a running one only.`,
                remedy: "Start it and run again.",
            },
            { instanceId },
        );
    }
}

/** What is told when it stays so. */
function stillMissing(managed: InstanceInformation | undefined): Failure {
    if (managed === undefined) {
        return notManaged;
    }
    return managed.PingStatus === "Online" ? NO_KEYS : offline(managed);
}

const NO_KEYS: Failure = {
    code: "HOST_KEYS_NOT_FOUND",
    message: "The instance has no SSH host keys in /etc/ssh (ssh_host_*_key.pub).",
    remedy: "See where its SSH server has its keys (HostKey in sshd_config), and give the public one as hostKey.",
};

function notLinux(managed: InstanceInformation | undefined): Failure {
    return {
        code: "HOST_KEYS_NOT_FOUND",
        message: `Systems Manager reads host keys on Linux only, and this instance has ${managed?.PlatformType ?? "another system"}.`,
        remedy: "Read the key on the instance and give it as hostKey.",
    };
}

/** Undefined: there are none yet, or the agent went away. */
async function printedKeys(
    clients: Clients,
    instanceId: string,
    deadline: number,
    signal: AbortSignal,
): Promise<string[] | undefined> {
    const command = {
        instanceId,
        document: DOCUMENT,
        parameters: { commands: PRINT_KEYS, executionTimeout: EXECUTION_LIMIT_S },
        comment: `InstanceHostKeys ${newExecutionId()}`,
    };
    const commandId = await sendCommand(clients, command, signal).catch((error: unknown) => {
        if (awsErrorName(error) === "InvalidInstanceId") {
            return undefined;
        }
        throw error;
    });
    if (commandId === undefined) {
        return undefined;
    }
    const end = await awaitCommand(clients, instanceId, commandId, { deadline, signal });
    if (end.status !== "Success") {
        throw new SnapshotError(
            {
                code: "HOST_KEYS_NOT_FOUND",
                message: `The command that prints the SSH host keys did not succeed: ${endText(end)}.`,
                remedy: "See to the SSM agent on the instance, and run again; or give the public key as hostKey.",
            },
            { instanceId },
        );
    }
    const parsed = parseHostKey(end.stdout);
    return "problem" in parsed ? undefined : parsed.map(({ fingerprint }) => fingerprint);
}
