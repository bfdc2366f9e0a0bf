import type { RestoreInputs } from "../../inputs/restoreInputs";
import { toState } from "../../run/state";
import type { RestoreState } from "../../run/restore/restoreRun";
import { pick } from "../result";

/** Inputs as the engine sends them. */
export type RestoreRequest = RestoreInputs & { __provider?: unknown };

const COPIED = ["imageId", "launchTemplate", "triggers", "tags", "aws", "owner", "__provider"] as const;

/** The state, with copies of the inputs that `diff` and `delete` need; never those that hold secrets. */
export type RestoreOutputs = RestoreState & Partial<Pick<RestoreRequest, (typeof COPIED)[number]>>;

export function restoreOutputs(inputs: RestoreRequest, state: RestoreState): RestoreOutputs {
    return toState({ ...pick(inputs, COPIED), ...state });
}
