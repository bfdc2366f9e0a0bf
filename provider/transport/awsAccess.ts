import type { Agent } from "node:https";
import type { Log } from "../base/log";

/** What ways to a host need of AWS. `aws/awsAccess.ts`, a floor above, makes it of the run's clients. */
export interface AwsAccess {
    /**
     * Region and credentials, as the environment variables by which AWS's own tools know them. Resolved anew each time,
     * because those of a role end.
     * @throws SnapshotError when there are none; the signal's reason
     */
    environment(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
    /**
     * Starts a session of Systems Manager to a port of an instance, by the document AWS-StartSSHSession. When nobody
     * answers, it looks for some seconds whether there is a session all the same, and ends it; `log` is told of one that
     * may be left.
     * @throws NoSession; SnapshotError for what is not about the instance; the signal's reason
     */
    startSession(instanceId: string, port: number, signal: AbortSignal, log: Log): Promise<StartedSession>;
    /** Ends a session, within about a second. `log` is told when that could not be done; never rejects. */
    endSession(sessionId: string, log: Log): Promise<void>;
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

export interface StartedSession {
    readonly id: string;
    readonly region: string;
    /** The address of Systems Manager that answered. */
    readonly endpoint: string;
    /** The parameters of StartSession, as JSON. */
    readonly request: string;
    /** Its answer, as JSON. Secret, because it has the token. */
    readonly response: string;
    readonly token: string;
}

/** Systems Manager starts no session to the instance. */
export class NoSession extends Error {
    constructor(
        readonly reason: { readonly what: string; readonly remedy: string; readonly transient: boolean },
        cause: unknown,
    ) {
        super(reason.what, { cause });
    }
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
