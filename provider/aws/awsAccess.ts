import type { AwsAccess } from "../transport/awsAccess";
import type { Clients } from "./clients";
import { signTunnel } from "./connectEndpoint";
import { sendPublicKey } from "./instanceConnect";
import { request } from "./request";
import { endSession, startSession } from "./sessions";

/** What ways to a host need of AWS, by the run's clients. */
export function awsAccess(clients: Clients): AwsAccess {
    return {
        environment: (signal) => environment(clients, signal),
        startSession: (instanceId, port, signal, log) => startSession(clients, instanceId, port, signal, log),
        endSession: (sessionId, log) => endSession(clients, sessionId, log),
        sendPublicKey: (key, signal) => sendPublicKey(clients, key, signal),
        signTunnel: (end, signal) => signTunnel(clients, end, signal),
    };
}

/** The names are those of the AWS SDKs and Tools Reference Guide, "Environment variables". */
async function environment(clients: Clients, signal: AbortSignal): Promise<Record<string, string>> {
    const { region } = clients;
    const { accessKeyId, secretAccessKey, sessionToken } = await request(
        "credentials for the command of the tunnel",
        signal,
        () => clients.ec2.config.credentials(),
    );
    return {
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    };
}
