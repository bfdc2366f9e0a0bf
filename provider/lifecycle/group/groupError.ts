import { SnapshotError } from "../../base/errors";
import type { GroupState } from "./groupState";
import { isGroupFailure } from "../../run/groupFailure";

/** The errors of members, by their names, as one: those that are the cause of it, and any that leaves something open. */
export function groupError(errors: ReadonlyMap<string, SnapshotError>): SnapshotError {
    const own = [...errors].filter(([, error]) => !isGroupFailure(error));
    const shown = own.length > 0 ? own : [...errors];
    const [first] = shown;
    return new SnapshotError(
        {
            code: first?.[1].code ?? "GROUP_FAILED",
            message: shown
                .map(
                    ([name, { code, context, failure }]) =>
                        `Member ${name} (${context.instanceId ?? ""}), ${code}: ${failure.message}`,
                )
                .join(" "),
            remedy: unique(shown.map(([, { failure }]) => failure.remedy)).join(" "),
        },
        {
            output: Object.assign({}, ...shown.map(([, { context }]) => context.output ?? {})) as object,
            state: unique(
                [...errors].map(
                    ([name, { context }]) => `${name}: ${context.state ?? "nothing was changed."}`,
                ),
            ).join(" "),
            cause: first?.[1],
        },
    );
}

function unique(texts: readonly string[]): string[] {
    return [...new Set(texts)];
}

/** The work so far is recorded in `state`; the next run goes on with it. */
export class UnfinishedGroup extends SnapshotError {
    constructor(
        error: SnapshotError,
        readonly state: GroupState,
    ) {
        super(error.failure, error.context);
    }
}
