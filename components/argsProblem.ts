import { Output, Resource, RunError } from "@pulumi/pulumi";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { prefixProblem } from "./imageName";
import { regionProblem } from "../provider/aws/awsNames";

/** Arguments as a program gives them that TypeScript may not have checked. */
type Args = Readonly<Record<string, unknown>> | undefined;

const LAUNCH_NEEDS = ["instanceType", "subnetId", "vpcSecurityGroupIds"] as const;

/** @throws RunError, which Pulumi shows as it is, without the program's stack */
export function assertArgs(component: string, problem: string | undefined): void {
    if (problem !== undefined) {
        throw new RunError(`${component}: ${problem}`);
    }
}

/** What cannot be an image's arguments, as far as the program shows it; undefined when all is well. */
export function amiProblem(args: unknown, opts: ComponentResourceOptions | undefined): string | undefined {
    const { namePrefix } = (args ?? {}) as { readonly namePrefix?: unknown };
    return (
        snapshotProblem(args as Args) ??
        optionsProblem(opts) ??
        (namePrefix === undefined ? undefined : prefixProblem(namePrefix))
    );
}

/** The same of a replica. */
export function replicaProblem(
    given: unknown,
    opts: ComponentResourceOptions | undefined,
): string | undefined {
    const args = given as Args;
    return (
        snapshotProblem(args) ??
        optionsProblem(opts) ??
        launchProblem(args?.launch) ??
        placeProblem(args?.region, args?.kmsKeyId) ??
        activateProblem(args?.activate)
    );
}

function snapshotProblem(args: Args): string | undefined {
    const snapshot = args?.snapshot;
    if (isSet(snapshot)) {
        return undefined;
    }
    if (Resource.isInstance(snapshot) && "samePoint" in snapshot) {
        return '`snapshot` is a whole group; give the set of one of its members: group.member("NAME").';
    }
    return (
        "`snapshot` must be the AppConsistentSnapshot itself" +
        (Output.isInstance(snapshot) ? ", and no Output, such as its id or its snapshotIds." : ".")
    );
}

/** An AppConsistentSnapshot, or what the `member` of a group answers. */
function isSet(value: unknown): boolean {
    return (
        typeof value === "object" &&
        value !== null &&
        !Output.isInstance(value) &&
        Output.isInstance((value as Record<string, unknown>).snapshotIds)
    );
}

function optionsProblem(opts: ComponentResourceOptions | undefined): string | undefined {
    return opts?.customTimeouts === undefined
        ? undefined
        : "the option customTimeouts has no effect on a component; a copy of an image may take 24 hours without it.";
}

function launchProblem(launch: unknown): string | undefined {
    if (typeof launch !== "object" || launch === null || Output.isInstance(launch)) {
        return `\`launch\` must be an object with ${LAUNCH_NEEDS.join(", ")}; Outputs may stand inside of it.`;
    }
    const missing = LAUNCH_NEEDS.find((key) => (launch as Record<string, unknown>)[key] === undefined);
    if (missing !== undefined) {
        return `\`launch.${missing}\` is required.`;
    }
    const { vpcSecurityGroupIds: groups } = launch as Record<string, unknown>;
    return typeof groups === "string"
        ? `\`launch.vpcSecurityGroupIds\` must be a list, such as [${JSON.stringify(groups)}].`
        : undefined;
}

/** EC2 looks at a copy's key only after it has said yes, and the copy then fails late (EC2 API reference, CopyImage). */
function placeProblem(region: unknown, kmsKeyId: unknown): string | undefined {
    if (typeof region !== "string") {
        return undefined;
    }
    const problem = regionProblem(region);
    if (problem !== undefined) {
        return `\`region\` ${JSON.stringify(region)} ${problem}.`;
    }
    const [, ofKey] = /^arn:[\w-]+:kms:([\w-]+):/.exec(typeof kmsKeyId === "string" ? kmsKeyId : "") ?? [];
    return ofKey === undefined || ofKey === region
        ? undefined
        : `\`kmsKeyId\` is a key of ${ofKey}, and the replica is kept in ${region}; give a key of that region.`;
}

/** Whether there is an instance has to be known before anything is. */
function activateProblem(activate: unknown): string | undefined {
    if (activate === undefined || typeof activate === "boolean") {
        return undefined;
    }
    return Output.isInstance(activate)
        ? "`activate` must be true or false, and no Output; config.getBoolean reads it from the stack's config."
        : `\`activate\` must be true or false, not ${JSON.stringify(activate)}; config.getBoolean reads it from the stack's config.`;
}
