import { createRequire } from "node:module";
import { RunError } from "@pulumi/pulumi";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import { argsProblem } from "./argsProblem";

/** The package of the plugin that serves all dynamic resources of Node.js programs. */
const DYNAMIC_PACKAGE = "pulumi-nodejs";

/**
 * Refuses what previews cleanly and then does something else than its user expects. Pulumi shows a RunError as it is,
 * without the program's stack.
 *
 * @param type of the resource, as the program names it
 * @param existing a sentence: what to do about something that exists already
 * @throws RunError that says what to do
 */
export function assertUsable(
    { type, name, existing }: { readonly type: string; readonly name: string; readonly existing: string },
    args: unknown,
    opts: CustomResourceOptions | undefined,
): void {
    const problem = argsProblem(args) ?? optionsProblem(opts, existing);
    if (problem !== undefined) {
        throw new RunError(`${type} "${name}": ${problem}`);
    }
}

function optionsProblem(opts: CustomResourceOptions | undefined, existing: string): string | undefined {
    if (opts?.import !== undefined) {
        return `remove the option import, because Pulumi cannot import a dynamic resource by it. ${existing}`;
    }
    if (opts?.customTimeouts !== undefined) {
        return "the option customTimeouts never reaches a dynamic resource; use the input `timeouts`, in seconds, instead.";
    }
    const packages = providersOf(opts).flatMap((provider) => packageOf(provider) ?? []);
    const other = packages.find((one) => one !== DYNAMIC_PACKAGE);
    if (other !== undefined) {
        return (
            `the option provider cannot be a provider of "${other}", because this is a dynamic resource; ` +
            "use the input `aws: { region, profile, assumeRole }` instead."
        );
    }
    return undefined;
}

/**
 * Refuses what is not the id of anything that was taken.
 * @param kind what the id should be of
 * @param tag where else it stands
 * @throws RunError with what to give instead
 */
export function assertExecutionId(
    id: unknown,
    {
        type,
        name,
        kind,
        tag,
    }: { readonly type: string; readonly name: string; readonly kind: string; readonly tag: string },
): void {
    if (typeof id === "string" && !/^acs-[0-9a-f-]{36}$/.test(id)) {
        throw new RunError(
            `${type} "${name}": ${JSON.stringify(id)} is not the id of ${kind}; give that of the resource that ` +
                `took it (acs-...), which is also the tag ${tag} of its snapshots.`,
        );
    }
}

/** `providers` is an option of components; a program that TypeScript does not check may give it here. */
function providersOf(opts: CustomResourceOptions | undefined): unknown[] {
    const { provider, providers = [] } = (opts ?? {}) as { provider?: unknown; providers?: object };
    return [provider, ...(Object.values(providers) as unknown[])];
}

/** Private to the SDK, and the only place that tells before the engine sends our type to the wrong plugin. */
function packageOf(provider: unknown): string | undefined {
    return (provider as { readonly pkg?: string } | undefined)?.pkg;
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
 * @throws RunError with what to do.
 */
export function assertResolvable(lifecycle: string): void {
    try {
        createRequire(`${process.cwd()}/`).resolve(lifecycle);
    } catch {
        const [name] = lifecycle.split("/");
        throw new RunError(
            `${name} cannot be found from the working directory, ${process.cwd()}. Add it to the project's own dependencies ` +
                "there, because it is not enough that another package depends on it. A program that uses the Automation API " +
                "has to run in the project's folder.",
        );
    }
}
