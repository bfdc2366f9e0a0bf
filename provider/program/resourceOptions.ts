import { createRequire } from "node:module";
import type { CustomResourceOptions } from "@pulumi/pulumi";

/** The package of the plugin that serves all dynamic resources of Node.js programs. */
const DYNAMIC_PACKAGE = "pulumi-nodejs";

/**
 * Refuses options that preview cleanly and then do something else than their user expects.
 * @throws Error that names the input to use instead.
 */
export function assertOptions(type: string, opts: CustomResourceOptions | undefined): void {
    if (opts?.customTimeouts !== undefined) {
        throw new Error(
            `${type}: the option customTimeouts never reaches a dynamic provider; use the input \`timeouts\` instead.`,
        );
    }
    // Private to the SDK, and the only place that tells before the engine sends our type to the wrong plugin.
    const { pkg } = (opts?.provider ?? {}) as { pkg?: string };
    if (pkg !== undefined && pkg !== DYNAMIC_PACKAGE) {
        throw new Error(
            `${type}: the option provider cannot be a provider of "${pkg}", as this is a dynamic resource; ` +
                "use the input `aws: { region, profile, assumeRole }` instead.",
        );
    }
}

/** The same options, with more properties whose change nobody needs to see. */
export function hiding(
    opts: CustomResourceOptions | undefined,
    names: readonly string[],
): CustomResourceOptions {
    return { ...opts, hideDiffs: [...(opts?.hideDiffs ?? []), ...names] };
}

/**
 * Makes sure that the provider's process, which resolves from the project's folder, will find the code.
 * @throws Error with what to do.
 */
export function assertResolvable(lifecycle: string): void {
    try {
        createRequire(`${process.cwd()}/`).resolve(lifecycle);
    } catch (cause) {
        const [name] = lifecycle.split("/");
        throw new Error(
            `${name} cannot be found from ${process.cwd()}: add it to this project's own dependencies ` +
                "(that another package depends on it is not enough).",
            { cause },
        );
    }
}
