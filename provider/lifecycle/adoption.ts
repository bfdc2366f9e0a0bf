import { reaches } from "../base/consistency";
import { SnapshotError } from "../base/errors";
import type { ConsistencyLevel } from "../base/evidence";
import { isUnknown } from "../base/unknown";
import { minimumLevelOf } from "../inputs/inputs";
import { quiesceKey } from "../run/state";
import type { Inputs } from "./request";
import { pick } from "./result";
import type { State } from "./stackKnowledge";

/** What an adopted set counts as taken for, from the first `up` on: what the program asks for then. */
export function takenFor(news: Inputs): Partial<State> {
    return {
        ...pick(news, ["triggers", "volumes", "owner"]),
        quiesced: quiesceKey(news.quiesce),
        adopted: undefined,
    };
}

/**
 * A replacement would delete the adopted set, which may be the only one there is; Pulumi's `protect` does not stop it.
 * @throws SnapshotError `INVALID_INPUT` when the program's instance is another one than the set's
 */
export function assertOfInstance(id: string, { adopted, instanceId }: State, news: Inputs): void {
    if (!adopted || isUnknown(news.instanceId) || news.instanceId === instanceId) {
        return;
    }
    throw new SnapshotError(
        {
            code: "INVALID_INPUT",
            message: `The imported set ${id} is of ${instanceId}, but the program has ${news.instanceId} here.`,
            remedy:
                "Take the resource out of the stack by `pulumi state delete`, which leaves the set alone, and import it under " +
                `the name of the resource that is of ${instanceId}.`,
        },
        { instanceId, state: "nothing was changed." },
    );
}

/** What the user has to know of it. */
export function adoptedText(id: string, level: ConsistencyLevel, news: Inputs): string {
    const minimum = minimumLevelOf(news);
    return reaches(level, minimum)
        ? `adopted ${id} as it was found, with the level "${level}"`
        : `warning: adopted ${id} as it was found, with the level "${level}"; the next set must have "${minimum}"`;
}
