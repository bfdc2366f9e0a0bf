import { generateKeyPairSync } from "node:crypto";
import type { ParsedKey } from "ssh2";
import { type AwsAccess, NotNow } from "./awsAccess";
import { AttemptOver } from "./ssh/attemptOver";
import { readPrivateKey } from "./ssh/privateKey";
import { type Place, unreachable } from "./ssh/sshError";

/** Where a key is to be good for a login. */
export interface LoginPlace extends Place {
    readonly instanceId: string;
    readonly user: string;
}

/**
 * A key for one login, which EC2 Instance Connect gives to the instance for 60 s: after that it is gone, so that each try
 * needs a new one. The private half is nowhere but in what is returned.
 *
 * Rejects with SshError, with SnapshotError when AWS refuses it for good, or with the signal's reason.
 */
export async function sendNewKey(to: LoginPlace, aws: AwsAccess, signal: AbortSignal): Promise<ParsedKey> {
    const { instanceId, user } = to;
    const key = newKey();
    const publicKey = `${key.type} ${key.getPublicSSH().toString("base64")}`;
    try {
        await aws.sendPublicKey({ instanceId, user, publicKey }, signal);
    } catch (error) {
        if (error instanceof NotNow) {
            throw unreachable(to, `EC2 Instance Connect does not take a key now: ${error.message}`, {
                cause: error,
                remedy: "see that the instance runs, and what AWS says of EC2 Instance Connect; then run again",
            });
        }
        if (error instanceof AttemptOver) {
            throw unreachable(to, `EC2 Instance Connect: ${error.message}`, { cause: error });
        }
        throw error;
    }
    return key;
}

/** Not by ssh2's `utils`, which in 1.17.0 loses a zero byte of one key in two hundred. */
export function newKey(): ParsedKey {
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = readPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    if ("reason" in key) {
        throw new TypeError(`a new key ${key.reason}`);
    }
    return key;
}
