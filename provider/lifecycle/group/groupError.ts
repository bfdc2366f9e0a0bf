import { SnapshotError, asSnapshotError } from "../../base/errors";
import type { GroupState } from "./groupState";
import { isGroupFailure } from "../../run/groupFailure";

/** The errors of members, by their names, as one: those that are the cause of it, and any that leaves something open. */
export function groupError(errors: ReadonlyMap<string, SnapshotError>): SnapshotError {
    const own = [...errors].filter(([, error]) => !isGroupFailure(error));
    // One that may still be frozen comes before anything else.
    const shown = (own.length > 0 ? own : [...errors]).sort(
        ([, one], [, other]) => Number(isPending(other)) - Number(isPending(one)),
    );
    const [first] = shown;
    return new SnapshotError(
        {
            code: first?.[1].code ?? "GROUP_FAILED",
            message: shown
                .map(
                    ([name, { code, context, failure }]) =>
                        `Member ${name}${inBrackets(context.instanceId)}, ${code}: ${failure.message}`,
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

/** AWS's own errors name no instance. */
function inBrackets(instanceId: string | undefined): string {
    return instanceId === undefined ? "" : ` (${instanceId})`;
}

function isPending({ code }: SnapshotError): boolean {
    return code === "THAW_PENDING";
}

/**
 * Does the same for all members at once: that it fails for one is no reason to leave the others.
 * @throws SnapshotError with the errors of all
 */
export async function withEach<T>(
    members: readonly (readonly [string, T])[],
    work: (member: T) => Promise<void>,
): Promise<void> {
    const errors = new Map<string, SnapshotError>();
    await Promise.all(
        members.map(async ([name, member]) => {
            try {
                await work(member);
            } catch (error) {
                errors.set(name, asSnapshotError(error));
            }
        }),
    );
    if (errors.size > 0) {
        throw groupError(errors);
    }
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
