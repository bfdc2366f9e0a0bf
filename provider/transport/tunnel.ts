/** A program whose standard input and output are the connection. `%h`, `%p`, `%r` and `%%` in its words are replaced. */
export interface CommandTunnel {
    readonly via: "command";
    readonly command: readonly string[];
}

/** An EC2 Instance Connect Endpoint in the instance's VPC. */
export interface EndpointTunnel {
    readonly via: "instance-connect-endpoint";
    /** Default: one of the instance's VPC. */
    readonly endpointId?: string;
    /** Of a bastion; default: the instance that the snapshots are of. */
    readonly instanceId?: string;
}

export type Tunnel = CommandTunnel | EndpointTunnel;

interface Traits {
    /** AWS leads to the instance, by its id: there is no address, and AWS vouches for the other end. */
    readonly findsInstance: boolean;
    /** The only port of the instance that it leads to. */
    readonly onlyPort?: number;
}

/** What follows from the kind of a tunnel for what else is to be given. */
export const TUNNELS: Readonly<Record<Tunnel["via"], Traits>> = {
    command: { findsInstance: false },
    // Others are refused since 2023, but for RDP's (EC2 User Guide, "EC2 Instance Connect Endpoint").
    "instance-connect-endpoint": { findsInstance: true, onlyPort: 22 },
};

/** Whether the way to the instance is found by its id. */
export function findsInstance(tunnel: { readonly via: Tunnel["via"] } | undefined): boolean {
    return tunnel !== undefined && TUNNELS[tunnel.via].findsInstance;
}
