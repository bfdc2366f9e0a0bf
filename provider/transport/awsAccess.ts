import type { Agent } from "node:https";

/** What ways to a host need of AWS. `aws/awsAccess.ts`, a floor above, makes it of the run's clients. */
export interface AwsAccess {
    /**
     * Region and credentials, as the environment variables by which AWS's own tools know them. Resolved anew each time,
     * because those of a role end.
     * @throws SnapshotError when there are none; the signal's reason
     */
    environment(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
    /**
     * Has EC2 Instance Connect give a public key to an instance, where it is good for logins in the next 60 s.
     * @throws NotNow; SnapshotError when AWS refuses it for good; the signal's reason
     */
    sendPublicKey(key: SentKey, signal: AbortSignal): Promise<void>;
    /**
     * Finds an EC2 Instance Connect Endpoint for an instance, and signs the address of a tunnel to its port 22.
     * @throws NotNow; SnapshotError when there is none, or AWS does not tell; the signal's reason
     */
    signTunnel(end: TunnelEnd, signal: AbortSignal): Promise<SignedTunnel>;
}

/** Where a tunnel is to lead. */
export interface TunnelEnd {
    readonly instanceId: string;
    /** Absent: any that leads there. */
    readonly endpointId?: string | undefined;
}

export interface SignedTunnel {
    /** A `wss:` address that is good for a minute, and a secret as long: whoever has it can open the tunnel. */
    readonly url: string;
    readonly endpointId: string;
    /** Goes by the proxies that all requests to AWS go by. */
    readonly agent: Agent;
}

/** A public key, and where it is to be good. */
export interface SentKey {
    readonly instanceId: string;
    /** The account on the instance. */
    readonly user: string;
    /** A line as of authorized_keys. */
    readonly publicKey: string;
}

/** AWS does not do it now, and may in a moment. The message says what AWS said. */
export class NotNow extends Error {}
