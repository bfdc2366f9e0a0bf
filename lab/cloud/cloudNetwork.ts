import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { LocalCloud } from "./localCloud";

/** Where an instance can be launched. */
export interface CloudNetwork {
    readonly subnetId: string;
    readonly securityGroupId: string;
    /** An address in the subnet that nobody has. */
    readonly privateIp: string;
}

/** What every account has in every region from the start. */
export async function defaultNetwork(cloud: LocalCloud, region: string): Promise<CloudNetwork> {
    const ec2 = new EC2Client(cloud.clientConfig({ region }));
    try {
        const [{ Subnets }, { SecurityGroups }] = await Promise.all([
            ec2.send(new DescribeSubnetsCommand()),
            ec2.send(new DescribeSecurityGroupsCommand()),
        ]);
        const [subnet] = Subnets ?? [];
        return {
            subnetId: subnet?.SubnetId ?? "",
            securityGroupId: SecurityGroups?.[0]?.GroupId ?? "",
            privateIp: subnet?.CidrBlock?.replace(/\d+\/\d+$/, "200") ?? "",
        };
    } finally {
        ec2.destroy();
    }
}
