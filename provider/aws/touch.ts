import { DescribeVolumesCommand, type EC2Client } from "@aws-sdk/client-ec2";

/**
 * Asks EC2 for as little as it can be asked for with the permissions that a run has anyway: one volume by its id, where a
 * look for a tag goes through all snapshots of the account.
 */
export async function touch(ec2: EC2Client, volumeId: string, abortSignal: AbortSignal): Promise<void> {
    await ec2.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] }), { abortSignal });
}
