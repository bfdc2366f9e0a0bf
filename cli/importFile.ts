import type { SnapshotState } from "../provider/run/state";
import { providerText } from "../provider/program/providerText";
import { PROVIDER, TYPE } from "../provider/program/snapshotType";

/** Where in the stack the set goes. */
export interface ImportPlace {
    /** Name of the resource in the program. */
    readonly name: string;
    /** URN of its parent in the stack, if it has one. */
    readonly parent?: string | undefined;
}

/** What `pulumi import --file` reads (pulumi/pulumi, pkg/cmd/pulumi/operations, `importFile`). */
export interface ImportFile {
    readonly nameTable?: Readonly<Record<string, string>>;
    readonly resources: readonly {
        readonly type: string;
        readonly name: string;
        readonly id: string;
        readonly parent?: string;
        readonly inputs: Readonly<Record<string, unknown>>;
        readonly outputs: Readonly<Record<string, unknown>>;
    }[];
}

/**
 * The file by which a stack takes a set over. With `outputs` the engine stores what the file says (since Pulumi 3.254,
 * pulumi/pulumi#23984); without them it would ask a dynamic provider that it does not know yet, and fail.
 */
export function importFileOf(id: string, state: SnapshotState, { name, parent }: ImportPlace): ImportFile {
    const { instanceId } = state.instance;
    const __provider = providerText(PROVIDER);
    const resource = {
        type: TYPE,
        name,
        id,
        // Checked by the engine, and replaced by the program's at the next `up`: `quiesce` holds secrets, and is not known.
        inputs: { instanceId, quiesce: { method: "none" }, __provider },
        outputs: { ...state, instanceId, __provider },
    };
    return parent === undefined
        ? { resources: [resource] }
        : { nameTable: { parent }, resources: [{ ...resource, parent: "parent" }] };
}
