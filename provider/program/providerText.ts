/**
 * What the engine stores with each resource and runs to serve it (`requireFromString(text).handler()`, pulumi/pulumi,
 * sdk/nodejs/cmd/dynamic-provider). `pulumi.dynamic.Resource` would make such a text by serializing a provider object;
 * this one is the same whatever the code behind it and however the package was installed, so that neither ever shows
 * as a diff. When the package is missing, every call fails, and none is taken for done.
 *
 * @param module by the package's name, as the provider's process resolves it from the project's folder
 */
export function providerText(module: string): string {
    return `exports.handler = () => require(${JSON.stringify(module)}).provider;\n`;
}
