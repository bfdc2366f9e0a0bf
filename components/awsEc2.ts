import type * as Ec2 from "@pulumi/aws/ec2";
import { RunError } from "@pulumi/pulumi";

/** Of this package's package.json, `peerDependencies`. */
const PEER = "@pulumi/aws";

/**
 * The SDK's resources of EC2. Loaded when a component is made, because a program with only snapshots does without
 * `@pulumi/aws`: Pulumi downloads a plugin of several hundred megabytes for it.
 *
 * @throws RunError that says what to install
 */
export function awsEc2(component: string): typeof Ec2 {
    try {
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would be loaded with this file
        return require("@pulumi/aws/ec2") as typeof Ec2;
    } catch (error) {
        throw isMissing(error)
            ? new RunError(
                  `${component} needs the package ${PEER}, which this project does not have. Install it by npm install ${PEER}@7 ` +
                      "(or the like of yarn, pnpm or bun).",
              )
            : error;
    }
}

/** Not one of the SDK's own dependencies. Node lists behind the first line who wanted the module. */
function isMissing(error: unknown): boolean {
    const { code, message } = error as { code?: unknown; message?: string };
    return code === "MODULE_NOT_FOUND" && message?.split("\n")[0]?.includes(PEER) === true;
}
