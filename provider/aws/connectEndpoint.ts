import {
    type Ec2InstanceConnectEndpoint,
    type Instance,
    paginateDescribeInstanceConnectEndpoints,
} from "@aws-sdk/client-ec2";
import { type Failure, SnapshotError } from "../base/errors";
import { NotNow, type SignedTunnel, type TunnelEnd } from "../transport/awsAccess";
import type { Clients } from "./clients";
import { findInstance } from "./instance";
import { request } from "./request";

/**
 * What follows is what the AWS CLI does (its customization `ec2instanceconnect`): how the endpoint is chosen, the address of
 * the tunnel, and how that is signed.
 */

/** Of a tunnel, in seconds: the most that AWS allows. Sent, so that a policy may have a condition on it. */
const LONGEST_TUNNEL_S = 3600;
/** How long the signed address is good. Seconds. */
const SIGNED_FOR_S = 60;
const PORT = 22;

/**
 * The signed address at which an endpoint opens a tunnel to the instance's port 22.
 * @throws NotNow while the endpoint is being made; SnapshotError; the signal's reason
 */
export async function signTunnel(
    clients: Clients,
    { instanceId, endpointId }: TunnelEnd,
    signal: AbortSignal,
): Promise<SignedTunnel> {
    const instance = await findInstance(clients, instanceId, signal);
    const address = instance?.PrivateIpAddress ?? instance?.Ipv6Address;
    if (instance === undefined || address === undefined) {
        throw new SnapshotError({
            code: "INSTANCE_NOT_FOUND",
            message:
                instance === undefined
                    ? `There is no instance ${instanceId} in region ${clients.region}.`
                    : `${instanceId} has no private address.`,
            remedy: "Check the instance id, the region and the account.",
        });
    }
    const endpoints = await describe(clients, endpointId, instance.VpcId, signal);
    const chosen = chooseEndpoint(endpoints, instance, endpointId);
    if ("pending" in chosen) {
        throw new NotNow(chosen.pending);
    }
    if ("code" in chosen) {
        throw new SnapshotError(chosen);
    }
    const host = hostOf(chosen, await clients.ec2.config.useFipsEndpoint());
    const query = {
        instanceConnectEndpointId: chosen.InstanceConnectEndpointId ?? "",
        remotePort: String(PORT),
        privateIpAddress: address,
        maxTunnelDuration: String(LONGEST_TUNNEL_S),
    };
    return {
        url: `wss://${host}/openTunnel?${await signed(clients, host, query, signal)}`,
        endpointId: chosen.InstanceConnectEndpointId ?? "",
        agent: clients.proxyAgent(),
    };
}

async function describe(
    clients: Clients,
    endpointId: string | undefined,
    vpcId: string | undefined,
    signal: AbortSignal,
): Promise<Ec2InstanceConnectEndpoint[]> {
    const which =
        endpointId === undefined
            ? { Filters: [{ Name: "vpc-id", Values: [vpcId ?? ""] }] }
            : { InstanceConnectEndpointIds: [endpointId] };
    return await request("ec2:DescribeInstanceConnectEndpoints", signal, async (abortSignal) => {
        const found: Ec2InstanceConnectEndpoint[] = [];
        const pages = paginateDescribeInstanceConnectEndpoints({ client: clients.ec2 }, which, {
            abortSignal,
        });
        for await (const { InstanceConnectEndpoints } of pages) {
            found.push(...(InstanceConnectEndpoints ?? []));
        }
        return found;
    });
}

/** One that is changed, or could not be, still works (EC2 API reference, Ec2InstanceConnectEndpoint, `state`). */
const USABLE: readonly unknown[] = [
    "create-complete",
    "update-in-progress",
    "update-complete",
    "update-failed",
];

/** The endpoint for an instance: of its subnet, else of its VPC. Pending: there is one that is being made. */
export function chooseEndpoint(
    endpoints: readonly Ec2InstanceConnectEndpoint[],
    { InstanceId = "", VpcId = "", SubnetId = "" }: Pick<Instance, "InstanceId" | "VpcId" | "SubnetId">,
    endpointId: string | undefined,
): Ec2InstanceConnectEndpoint | Failure | { readonly pending: string } {
    const usable = endpoints.filter(({ State }) => USABLE.includes(State));
    const chosen = usable.find((endpoint) => endpoint.SubnetId === SubnetId) ?? usable[0];
    if (chosen === undefined) {
        const states = endpoints.map(describeState).join("; ");
        if (endpoints.some(({ State }) => State === "create-in-progress")) {
            return { pending: states };
        }
        const where =
            endpointId === undefined
                ? `EC2 Instance Connect Endpoint in ${VpcId}, the VPC of ${InstanceId}`
                : `EC2 Instance Connect Endpoint ${endpointId}`;
        return {
            code: "TUNNEL_FAILED",
            message: `There is no ${where}${states === "" ? "" : `, that can be used: ${states}`}.`,
            remedy: `Make one: aws ec2 create-instance-connect-endpoint --subnet-id ${SubnetId}. Or take another \`tunnel\`.`,
        };
    }
    // It connects from the client's address, which its VPC alone can answer to (EC2 User Guide, "Create an EC2 Instance
    // Connect Endpoint").
    if (chosen.VpcId !== VpcId && chosen.PreserveClientIp === true) {
        return {
            code: "TUNNEL_FAILED",
            message: `${endpointId ?? ""} is in ${chosen.VpcId ?? ""}, but ${InstanceId} is in ${VpcId}, and an endpoint that preserves the client's address leads to no other VPC.`,
            remedy: "Leave tunnel.endpointId out, or give one of the instance's VPC.",
        };
    }
    return chosen;
}

function describeState({
    InstanceConnectEndpointId,
    State,
    StateMessage,
}: Ec2InstanceConnectEndpoint): string {
    const why = StateMessage === undefined || StateMessage === "" ? "" : ` (${StateMessage})`;
    return `${InstanceConnectEndpointId ?? ""} is ${State ?? "in no state"}${why}`;
}

function hostOf(endpoint: Ec2InstanceConnectEndpoint, fips: boolean): string {
    const host = fips ? endpoint.FipsDnsName : endpoint.DnsName;
    if (host === undefined || host === "") {
        throw new SnapshotError({
            code: "TUNNEL_FAILED",
            message: `${endpoint.InstanceConnectEndpointId ?? ""} has no ${fips ? "FIPS " : ""}address.`,
            remedy: fips
                ? "Leave aws:useFipsEndpoint out, or take another `tunnel`."
                : "Take another endpoint.",
        });
    }
    return host;
}

async function signed(
    clients: Clients,
    host: string,
    query: Record<string, string>,
    signal: AbortSignal,
): Promise<string> {
    const { SignatureV4 } = await import("@smithy/signature-v4");
    const { config } = clients.ec2;
    const signer = new SignatureV4({
        service: "ec2-instance-connect",
        region: clients.region,
        // By which a request waits for credentials no longer than `request` does.
        credentials: await request("credentials for the tunnel", signal, () => config.credentials()),
        sha256: config.sha256,
    });
    const toSign = {
        method: "GET",
        protocol: "wss:",
        hostname: host,
        path: "/openTunnel",
        headers: { host },
        query,
    };
    const options = { expiresIn: SIGNED_FOR_S, signingDate: new Date(clients.clock.now()) };
    const { query: parameters = {} } = await signer.presign(toSign, options);
    return Object.entries(parameters)
        .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
        .join("&");
}
