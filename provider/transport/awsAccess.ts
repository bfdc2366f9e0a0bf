/** What ways to a host need of AWS. `aws/awsAccess.ts`, a floor above, makes it of the run's clients. */
export interface AwsAccess {
    /**
     * Region and credentials, as the environment variables by which AWS's own tools know them. Resolved anew each time,
     * because those of a role end.
     * @throws SnapshotError when there are none; the signal's reason
     */
    environment(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
}
