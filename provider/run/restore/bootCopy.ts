import type { Instance } from "@aws-sdk/client-ec2";
import { awsAccess } from "../../aws/awsAccess";
import { readHostKeys } from "../../aws/consoleHostKeys";
import { type Failure, SnapshotError, factOf } from "../../base/errors";
import { knownFailure } from "../../quiesce/hooks/knownFailure";
import { type SshConnection, SshError, type SshSettings, connect } from "../../transport/ssh/connection";
import { findsInstance } from "../../transport/tunnel";
import type { RestoreRun } from "./restoreRun";

/**
 * Waits until the copy lets us log in.
 * @param instance as EC2 tells of it when it runs
 * @param deadline on the clock of `performance.now()`
 */
export async function bootCopy(
    run: RestoreRun,
    { InstanceId: instanceId = "", PrivateIpAddress: address = "" }: Instance,
    deadline: number,
): Promise<SshConnection> {
    const { clients, log, signal } = run;
    try {
        const settings = await settingsOf(run, instanceId, address, deadline);
        log(`connecting to ${settings.host ?? instanceId}:${settings.port ?? 22}`, "status");
        return await connect(settings, {
            timeoutMs: Math.max(0, deadline - performance.now()),
            // cloud-init may only be making the account.
            isYoung: () => true,
            instanceId,
            aws: awsAccess(clients),
            log,
            signal,
        });
    } catch (error) {
        signal.throwIfAborted();
        throw new SnapshotError(bootFailure(error), { instanceId, cause: error });
    }
}

/**
 * A program that carries the connection takes the instance's id for an address, as AWS's own tools do. A tunnel that leads
 * to the instance by its id needs no address, and AWS vouches for the other end.
 */
async function settingsOf(
    { inputs, clients, log, signal }: RestoreRun,
    instanceId: string,
    address: string,
    deadline: number,
): Promise<SshSettings> {
    const { connection } = inputs;
    const { hostKey, insecureIgnoreHostKey, tunnel } = connection;
    if (findsInstance(tunnel)) {
        return connection as SshSettings;
    }
    const knowsKey = hostKey !== undefined || insecureIgnoreHostKey === true;
    const found = knowsKey
        ? {}
        : { hostKey: await readHostKeys(clients, instanceId, { deadline, log, signal }) };
    return { ...connection, ...found, host: tunnel === undefined ? address : instanceId } as SshSettings;
}

/** Why nobody could log in, told of a copy. */
export function bootFailure(error: unknown): Failure {
    const code = error instanceof SnapshotError || error instanceof SshError ? error.code : undefined;
    if (code === "SSH_UNREACHABLE") {
        return {
            code: "BOOT_TIMEOUT",
            message: `Nobody has answered within timeouts.boot: ${factOf(error)}.`,
            remedy:
                "See that the security groups and routes let this machine reach the copy. If it does not boot, look at its " +
                "console (aws ec2 get-console-output) with keepOnFailure: true. A slow one needs a longer timeouts.boot.",
        };
    }
    if (code === "HOST_KEYS_NOT_FOUND") {
        return {
            code: "BOOT_TIMEOUT",
            message: "The copy has not printed its SSH host keys on its console within timeouts.boot.",
            remedy:
                "Only cloud-init prints them: for an image without it, give the server's key as connection.hostKey. If the copy " +
                "does not boot, look at its console (aws ec2 get-console-output) with keepOnFailure: true.",
        };
    }
    const failure = knownFailure(error);
    if (failure === undefined) {
        throw error;
    }
    return failure;
}
