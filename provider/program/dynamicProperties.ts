import { runtime } from "@pulumi/pulumi";
import { providerText } from "./providerText";

/**
 * The properties that the engine is given of a dynamic resource.
 *
 * @param provider the module of its lifecycle
 * @param inputs its arguments, and what else its lifecycle has to know
 * @param outputs declared, so that they are unknown, not absent, at preview
 */
export function dynamicProperties<Outputs extends object>(
    provider: string,
    inputs: object,
    outputs: Outputs,
): Outputs & Record<string, unknown> {
    // A dynamic provider is not told; `check` takes it out again.
    const previewing = runtime.isDryRun() ? true : undefined;
    return { ...inputs, previewing, ...outputs, __provider: providerText(provider) };
}
