import type { Machine } from "../../../lab/machine/machine";
import { connectionOf, TIMEOUTS } from "./machineLab";

/** PostgreSQL and the file systems of its volumes; the root file system is never frozen. */
const RECIPE = 'recipes.combine(recipes.postgresql(), recipes.fileSystems(["/mnt/data", "/mnt/log"]))';

export interface Program {
    readonly instanceId: string;
    readonly machine: Machine;
    /** A new one takes a new set. */
    readonly run: number;
    /** More of the resource's inputs. */
    readonly inputs?: Record<string, unknown>;
    /** Who logs in. Default: the machine's own account. */
    readonly user?: string;
    readonly timeouts?: Partial<typeof TIMEOUTS>;
    /** More resources, which may use `image`. */
    readonly more?: string;
}

/** A set of the machine, and an image of it. */
export function programOf(program: Program): string {
    const { instanceId, machine, run, inputs = {}, user, timeouts = {}, more = "" } = program;
    const connection = JSON.stringify({ ...connectionOf(machine), ...(user && { user }) });
    return `import { AppConsistentSnapshot, RestoreTest, recipes } from "pulumi-app-consistent-snapshot";
import { AppConsistentAmi } from "pulumi-app-consistent-snapshot/components";
const snapshot = new AppConsistentSnapshot("proof", {
    instanceId: ${JSON.stringify(instanceId)},
    quiesce: {
        method: "hooks",
        connection: ${connection},
        scripts: ${RECIPE},
        showHookOutput: "onFailure",
    },
    timeouts: ${JSON.stringify({ ...TIMEOUTS, ...timeouts })},
    triggers: [${run}],
    ...${JSON.stringify(inputs)},
});
const image = new AppConsistentAmi("proof", { snapshot });
export const { id, snapshots, consistencyLevel, evidence } = snapshot;
export const { imageId } = image;
${more}`;
}
