import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { LocalCloud } from "../cloud/localCloud";
import { ConnectEndpoint } from "../hosts/connectEndpoint";

/** Where an instance is. */
export interface Place {
    readonly VpcId: string;
    readonly SubnetId: string;
}

/** An EC2 Instance Connect Endpoint in the VPC of an instance, of a new one where none is named. */
export async function startConnectEndpoint(
    cloud: LocalCloud,
    of?: string,
): Promise<{ endpoint: ConnectEndpoint; endpointId: string; instanceId: string; place: Place }> {
    const endpoint = await ConnectEndpoint.start({
        region: cloud.region,
        secretOf: async (accessKeyId) => (await cloud.secretOf(accessKeyId)) ?? undefined,
    });
    const instanceId = of ?? (await cloud.createInstance({ volumes: 1 })).instanceId;
    const place = await placeOf(cloud, instanceId);
    const { endpointId } = await cloud.createConnectEndpoint({ ...place, DnsName: endpoint.dnsName });
    return { endpoint, endpointId, instanceId, place };
}

async function placeOf(cloud: LocalCloud, instanceId: string): Promise<Place> {
    const ec2 = new EC2Client(cloud.clientConfig());
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    ec2.destroy();
    const { VpcId = "", SubnetId = "" } = Reservations?.[0]?.Instances?.[0] ?? {};
    return { VpcId, SubnetId };
}
