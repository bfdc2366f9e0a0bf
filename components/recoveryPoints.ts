import { Output, RunError, StackReference, all, getOrganization, getProject, getStack } from "@pulumi/pulumi";
import type { CustomResourceOptions, Resource } from "@pulumi/pulumi";
import { rotateLabels } from "./rotateLabels";

export interface RecoveryPointsArgs {
    /** Label of a new point, such as a date. Absent, empty, or the label of a point that exists: nothing new is taken. */
    run?: string | undefined;
    /** How many points there are at most. */
    keep: number;
    /** Label of the point that is activated: it is never dropped, and no new point is taken meanwhile. */
    pin?: string | undefined;
    /** Label of a point to be rid of: it is lost, or known to be bad. */
    drop?: string | undefined;
    /** The output of this stack that holds the list. Default `recoveryPoints`. */
    output?: string;
}

/** The recovery points of this stack. */
export interface RecoveryPoints {
    /** One set of resources for each, oldest first. */
    readonly labels: readonly string[];
    /** The one of them that this run takes. */
    readonly taking: string | undefined;
    /** Options of a point's snapshot: with them, one that exists is never taken again under its old label. */
    optionsOf(label: string): CustomResourceOptions;
    /** The list to export: known when all of these resources are made, so that a night that fails leaves the old list. */
    listAfter(resources: readonly Resource[]): Output<string[]>;
}

/**
 * Options of a snapshot that an earlier run took. What would replace it is left as it was: another server in the program
 * is no reason to lose the points of the old one. What is gone is not taken anew: the provider refuses that.
 */
const existing: CustomResourceOptions = {
    ignoreChanges: ["instanceId", "quiesce", "volumes", "triggers"],
    transformations: [({ props, opts }) => ({ props: { ...props, taken: true }, opts })],
};

/**
 * Rotates recovery points: reads the list that this stack exported at its last successful run, adds this run's label,
 * and drops the oldest ones beyond `keep`. The resources themselves are ordinary ones of the program, one set per label.
 *
 * @throws RunError that names the input, when the labels or `keep` cannot be
 */
export async function recoveryPoints(args: RecoveryPointsArgs): Promise<RecoveryPoints> {
    const { output: key = "recoveryPoints", ...rotation } = args;
    const { labels, taking } = rotateLabels({ ...rotation, previous: await exported(key) });
    return {
        labels,
        taking,
        optionsOf: (label) => (label === taking ? {} : existing),
        listAfter: (resources) => all(resources.flatMap(outputsOf)).apply(() => labels),
    };
}

/** The list as this stack's last run left it. */
async function exported(key: string): Promise<string[]> {
    const stack = new StackReference(key, { name: `${getOrganization()}/${getProject()}/${getStack()}` });
    const details = (await stack.getOutputDetails(key)) as { value?: unknown; secretValue?: unknown };
    const list = details.value ?? details.secretValue ?? [];
    if (!Array.isArray(list) || !list.every((label) => typeof label === "string")) {
        throw new RunError(`the output \`${key}\` of this stack is not a list of recovery points`);
    }
    return list;
}

function outputsOf(resource: Resource): Output<unknown>[] {
    return Object.values(resource).filter((value): value is Output<unknown> => Output.isInstance(value));
}
