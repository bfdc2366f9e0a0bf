import {
    CreateSecurityGroupCommand,
    CreateSubnetCommand,
    CreateVpcCommand,
    DescribeSecurityGroupsCommand,
    DescribeSubnetsCommand,
    EC2Client,
} from "@aws-sdk/client-ec2";
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

/** One whose addresses are this machine's own, so that hosts can have those of the instances that are launched in it. */
export async function loopbackNetwork(cloud: LocalCloud): Promise<Omit<CloudNetwork, "privateIp">> {
    const ec2 = new EC2Client(cloud.clientConfig());
    try {
        const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "127.77.0.0/16" }));
        const of = { VpcId: Vpc?.VpcId ?? "" };
        const [{ Subnet }, { GroupId = "" }] = await Promise.all([
            ec2.send(new CreateSubnetCommand({ ...of, CidrBlock: "127.77.0.0/20" })),
            ec2.send(
                new CreateSecurityGroupCommand({ ...of, GroupName: "fenced", Description: "of copies" }),
            ),
        ]);
        return { subnetId: Subnet?.SubnetId ?? "", securityGroupId: GroupId };
    } finally {
        ec2.destroy();
    }
}
