import { NotNow, type SentKey } from "../transport/awsAccess";
import type { Clients } from "./clients";
import { awsErrorName, isThrottling, request } from "./request";
import { factOf } from "../base/errors";

/** Refusals that pass, as while an instance starts: EC2 Instance Connect API reference, SendSSHPublicKey, "Errors". */
const PASSING = new Set([
    "EC2InstanceStateInvalidException",
    "EC2InstanceUnavailableException",
    "ServiceException",
]);

/**
 * Has EC2 Instance Connect give a public key to an instance for 60 s. That AWS takes it does not say that the instance
 * asks for it: that needs the package ec2-instance-connect there.
 *
 * @throws NotNow for a refusal that passes; SnapshotError; the signal's reason
 */
export async function sendPublicKey(
    clients: Clients,
    { instanceId, user, publicKey }: SentKey,
    signal: AbortSignal,
): Promise<void> {
    // Both load only here, because few runs need them.
    const { SendSSHPublicKeyCommand } = await import("@aws-sdk/client-ec2-instance-connect");
    const client = await clients.instanceConnect();
    const command = new SendSSHPublicKeyCommand({
        InstanceId: instanceId,
        InstanceOSUser: user,
        SSHPublicKey: publicKey,
    });
    try {
        await request("ec2-instance-connect:SendSSHPublicKey", signal, (abortSignal) =>
            client.send(command, { abortSignal }),
        );
    } catch (error) {
        if (isThrottling(error) || PASSING.has(awsErrorName(error))) {
            throw new NotNow(factOf(error), { cause: error });
        }
        throw error;
    }
}
