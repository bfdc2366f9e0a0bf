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
