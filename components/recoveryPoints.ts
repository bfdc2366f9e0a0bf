import {
    Output,
    RunError,
    StackReference,
    all,
    getOrganization,
    getProject,
    getStack,
    log,
    runtime,
    unsecret,
} from "@pulumi/pulumi";
import type { CustomResourceOptions, Resource } from "@pulumi/pulumi";
import { type HeldSet, listOfLastRun } from "./recoveryPointsList";
import { rotateLabels } from "./rotateLabels";

/** What recoveryPoints goes by. All of it is plain, because it decides which resources there are. */
export interface RecoveryPointsArgs {
    /**
     * Label of a new point, such as a date. Default: nothing new is taken. Nor is it where the label is empty, or that of a
     * point that exists.
     */
    run?: string | undefined;
    /** How many points there are at most. */
    keep: number;
    /** Label of the point that is activated: it is never dropped, and no new point is taken meanwhile. Default: none. */
    pin?: string | undefined;
    /** Label of a point to be rid of, because it is lost, or known to be bad. Default: none. */
    drop?: string | undefined;
    /** The output of this stack that holds the list. Default `recoveryPoints`. */
    output?: string | undefined;
    /** The list of a stack that has lost its own, oldest first. A list that can be read goes before it. Default: none. */
    labels?: readonly string[] | undefined;
}

/** The recovery points of this stack. */
export interface RecoveryPoints {
    /** One set of resources for each, oldest first. */
    readonly labels: readonly string[];
    /** The one of them that this run takes. */
    readonly taking: string | undefined;
    /** Options of a point's snapshot, or of its group: with them, one that exists is never taken again under its old label. */
    optionsOf(label: string): CustomResourceOptions;
    /**
     * The list to export: this run's when all of these resources are made. Where one is not, the list stays the last
     * run's, and the program fails when all else is done, so that the engine deletes nothing.
     */
    listAfter(resources: readonly Resource[]): Output<string[]>;
}

/**
 * Options of a snapshot that an earlier run took. What would replace it is left as it was: another server in the program
 * is no reason to lose the points of the old one. What is gone is not taken anew: the provider refuses that.
 */
const existing: CustomResourceOptions = {
    ignoreChanges: ["instanceId", "quiesce", "volumes", "members", "triggers"],
    transformations: [({ props, opts }) => ({ props: { ...props, taken: true }, opts })],
};

/**
 * Rotates recovery points: reads the list that this stack exported at its last run, adds this run's label, and drops the
 * oldest ones beyond `keep`. The resources themselves are ordinary ones of the program, one set per label.
 *
 * @example
 * export = async () => {
 *     const points = await recoveryPoints({ run: config.get("run"), keep: 7 });
 *     const sets = points.labels.map((label) => {
 *         const args = { instanceId: server.id, quiesce: { method: "none" } } as const;
 *         return new AppConsistentSnapshot(`db-${label}`, args, points.optionsOf(label));
 *     });
 *     return { recoveryPoints: points.listAfter(sets) };
 * };
 *
 * @throws RunError that names the input, when the labels or `keep` cannot be; and the output, when it cannot be read
 */
export async function recoveryPoints(args: RecoveryPointsArgs): Promise<RecoveryPoints> {
    const { output: key = "recoveryPoints", labels: given, ...rotation } = args;
    const stack = `${getOrganization()}/${getProject()}/${getStack()}`;
    const outputs = await withUnknowns(new StackReference(key, { name: stack }).outputs);
    const previous = await listOfLastRun({ key, outputs, given, heldSets: () => heldSetsOf(stack) });
    if (given !== undefined && previous !== given) {
        void log.warn(
            `recoveryPoints has its list in the output \`${key}\`: remove \`labels\`, because it is not used any more`,
        );
    }
    const { labels, taking } = rotateLabels({ ...rotation, previous });
    return {
        labels,
        taking,
        optionsOf: (label) => (label === taking ? {} : existing),
        listAfter: (resources) => {
            // A resource has its inputs among these, of which some may be secret; the labels never are.
            const made = unsecret(all(resources.flatMap(outputsOf)));
            if (runtime.isDryRun()) {
                return made.apply(() => labels);
            }
            return applyWithUnknowns(made, async () => {
                if (await inside(made).isKnown) {
                    return labels;
                }
                failAtEnd(notMade(taking));
                return [...previous];
            });
        },
    };
}

function notMade(taking: string | undefined): RunError {
    const what =
        taking === undefined
            ? "the recovery points could not all be brought up to date"
            : `recovery point "${taking}" is not made`;
    return new RunError(
        `${what}. The list stays as it was, and no point is dropped. Run again with the same \`run\``,
    );
}

/** Not thrown: what else the program does goes on. Pulumi counts a rejection that nobody handles at the program's end. */
function failAtEnd(error: RunError): void {
    // Of one that comes so late Pulumi would print the stack, which tells a user nothing.
    error.stack = "";
    void Promise.reject(error);
}

/** By the call that the engine has for this: a program can read its own stack's state no other way. */
async function heldSetsOf(stackName: string): Promise<HeldSet[]> {
    const answer = (await runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName })) as {
        outputs?: Record<string, { type: string; outputs: Held }>;
    };
    return Object.entries(answer.outputs ?? {}).flatMap(([urn, { type, outputs }]) =>
        setsIn(type, outputs).map(({ instanceId = "", startTime = "" }) => ({
            name: urn.split("::").at(-1) ?? urn,
            instanceId,
            startTime,
        })),
    );
}

interface Held extends Partial<HeldSet> {
    /** Of a group, by its members' names. */
    readonly sets?: Readonly<Record<string, Partial<HeldSet>>>;
}

function setsIn(type: string, outputs: Held): readonly Partial<HeldSet>[] {
    if (type.endsWith(":AppConsistentSnapshotGroup")) {
        return Object.values(outputs.sets ?? {});
    }
    return type.endsWith(":AppConsistentSnapshot") ? [outputs] : [];
}

function outputsOf(resource: Resource): Output<unknown>[] {
    return Object.values(resource).filter((value): value is Output<unknown> => Output.isInstance(value));
}

/**
 * What the SDK keeps from its declarations, and has from the oldest to the newest that this package allows. `apply` alone
 * never calls for what is unknown, and so cannot tell it. The end-to-end tests notice when one of these goes.
 */
interface Inside<T> {
    readonly isKnown: Promise<boolean>;
    promise(withUnknowns: true): Promise<T>;
    apply<U>(func: () => Promise<U>, runWithUnknowns: true): Output<U>;
}

function inside<T>(output: Output<T>): Inside<T> {
    return output as unknown as Inside<T>;
}

function withUnknowns(output: Output<unknown>): Promise<unknown> {
    return inside(output).promise(true);
}

function applyWithUnknowns<T, U>(output: Output<T>, func: () => Promise<U>): Output<U> {
    return inside(output).apply(func, true);
}
