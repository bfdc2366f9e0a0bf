import { CustomResource, createUrn } from "@pulumi/pulumi";
import type { CustomResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { AwsArgs } from "./appConsistentSnapshot";
import { providerText } from "./providerText";
import { assertOptions, assertResolvable, hiding } from "./resourceOptions";

export interface InstanceHostKeysArgs {
    /** The instance. A change replaces. */
    instanceId: Input<string>;
    /**
     * `wait`: how long to wait for the instance to print them, in seconds, 1 to 86400. Default 600: EC2 shows the console
     * some minutes after boot.
     */
    timeouts?: { wait?: Input<number> | undefined } | undefined;
    aws?: AwsArgs | undefined;
}

const PROVIDER = "pulumi-app-consistent-snapshot/bin/provider/hostKeysProvider";
const TYPE = "pulumi-nodejs:dynamic/ec2:InstanceHostKeys";

/**
 * The SSH host keys of an instance, as it printed them on its console at its first boot: read from EC2, which
 * authenticates them, and kept for as long as the instance lives. So an instance that is made in the same program can
 * be connected to safely.
 */
export class InstanceHostKeys extends CustomResource {
    /** `SHA256:` fingerprints, one for each key; what `connection.hostKey` takes. */
    declare public readonly hostKeys: Output<string[]>;

    /** @throws Error when an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: InstanceHostKeysArgs, opts?: CustomResourceOptions) {
        assertOptions("InstanceHostKeys", opts);
        assertResolvable(PROVIDER);
        const owner = createUrn(name, TYPE, opts?.parent);
        const inputs = { ...args, owner, hostKeys: undefined, __provider: providerText(PROVIDER) };
        super(TYPE, name, inputs, hiding(opts, ["owner", "__provider"]));
    }
}
