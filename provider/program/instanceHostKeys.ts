import { CustomResource, createUrn } from "@pulumi/pulumi";
import type { CustomResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { AwsArgs } from "./appConsistentSnapshot";
import { providerText } from "./providerText";
import { assertResolvable, assertUsable, hiding } from "./resourceOptions";
import { secretLeaves } from "./secretLeaves";

/** Inputs of an InstanceHostKeys. */
export interface InstanceHostKeysArgs {
    /** The instance. A change replaces. */
    instanceId: Input<string>;
    /**
     * Where the keys are read. Default `"console"`.
     *
     * - `"console"`: what cloud-init printed at the first boot. It rolls away in time, because the console keeps its
     *   last 64 KB (EC2 API reference, GetConsoleOutput).
     * - `"systems-manager"`: on the instance, by its SSM agent, at any time. Linux only. Needs an instance that Systems
     *   Manager manages, and the second policy for `InstanceHostKeys` of docs/iam.md.
     *
     * A change matters to keys that are read later only: those that were read are kept.
     */
    source?: Input<"console" | "systems-manager"> | undefined;
    /** Limits, in seconds. Default: that of `wait`. */
    timeouts?:
        | {
              /**
               * Seconds to wait for the keys of an instance that boots, 1 to 86400. Default 600, because EC2 shows the console
               * some minutes after boot.
               */
              wait?: Input<number> | undefined;
          }
        | undefined;
    /** Where and as whom AWS is called. Default: as the stack's `aws:` config says. */
    aws?: AwsArgs | undefined;
}

const PROVIDER = "pulumi-app-consistent-snapshot/bin/provider/hostKeysProvider";
const TYPE = "pulumi-nodejs:dynamic/ec2:InstanceHostKeys";

/** All of them, by the compiler's word. */
const INPUTS: { readonly [Name in keyof InstanceHostKeysArgs]-?: true } = {
    instanceId: true,
    source: true,
    timeouts: true,
    aws: true,
};

const EXISTING = "without it, the keys are read from the instance";

/**
 * The SSH host keys of an instance, as it printed them on its console at its first boot, or as its SSM agent reads them:
 * AWS vouches for both. They are kept for as long as the instance lives. So an instance that is made in the same program
 * can be connected to safely.
 *
 * Its type, for `--target`, transforms and policies: `pulumi-nodejs:dynamic/ec2:InstanceHostKeys`.
 *
 * @example
 * const keys = new InstanceHostKeys("keys", { instanceId: server.id });
 * const connection = { host: server.privateIp, user: "snapshot", privateKey, hostKey: keys.hostKeys };
 */
export class InstanceHostKeys extends CustomResource {
    /** `SHA256:` fingerprints, one for each key; what `connection.hostKey` takes. */
    declare public readonly hostKeys: Output<string[]>;

    /** @throws RunError when an argument or an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: InstanceHostKeysArgs, opts?: CustomResourceOptions) {
        assertUsable({ type: "InstanceHostKeys", name, existing: EXISTING }, args, opts);
        assertResolvable(PROVIDER);
        const owner = createUrn(name, TYPE, opts?.parent);
        const inputs = {
            ...secretLeaves(args, Object.keys(INPUTS)),
            owner,
            hostKeys: undefined,
            __provider: providerText(PROVIDER),
        };
        super(TYPE, name, inputs, hiding(opts, ["owner", "__provider"]));
    }
}
