import { dynamic } from "@pulumi/pulumi";
import type { CustomResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { AwsArgs } from "./appConsistentSnapshot";
import type * as Lifecycle from "./hostKeysLifecycle";
import { assertOptions, assertResolvable } from "./resourceOptions";

export interface InstanceHostKeysArgs {
    /** The instance. A change replaces. */
    instanceId: Input<string>;
    aws?: AwsArgs;
}

// By its name, so that the text that Pulumi stores is the same whatever the code behind it.
const LIFECYCLE = "pulumi-app-consistent-snapshot/bin/provider/hostKeysLifecycle";
// eslint-disable-next-line @typescript-eslint/no-require-imports -- must not be serialized with the provider
const lifecycle = (): typeof Lifecycle => require(LIFECYCLE) as typeof Lifecycle;

type Props = Parameters<typeof Lifecycle.create>[0];
type State = Parameters<typeof Lifecycle.update>[1];

const provider: dynamic.ResourceProvider<Props, State> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async (request) => lifecycle().configure(request.config),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    check: async (_olds, news) => lifecycle().check(news),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: async (_id, olds, news) => lifecycle().diff(olds, news),
    create: (inputs) => lifecycle().create(inputs),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    update: async (_id, olds, news) => lifecycle().update(_id, olds, news),
};

/**
 * The SSH host keys of an instance, as it printed them on its console at its first boot: read from EC2, which
 * authenticates them, and kept for as long as the instance lives. So an instance that is made in the same program can
 * be connected to safely.
 */
export class InstanceHostKeys extends dynamic.Resource {
    /** `SHA256:` fingerprints, one for each key; what `connection.hostKey` takes. */
    declare public readonly hostKeys: Output<string[]>;

    /** @throws Error when an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: InstanceHostKeysArgs, opts?: CustomResourceOptions) {
        assertOptions("InstanceHostKeys", opts);
        assertResolvable(LIFECYCLE);
        super(provider, name, { ...args, hostKeys: undefined }, opts, "ec2", "InstanceHostKeys");
    }
}
