import type { RestoreInputs } from "../../provider/inputs/restoreInputs";
import type { RestoreOutputs } from "../../provider/lifecycle/restoreTest/restoreOutputs";

/** How a test ended. */
export interface RestoreOutcome {
    readonly id: string;
    readonly inputs: RestoreInputs;
    readonly state: RestoreOutputs | undefined;
    /** An "init error" when it has properties. */
    readonly error: (Error & { id?: string; properties?: RestoreOutputs }) | undefined;
    readonly lines: readonly string[];
}
