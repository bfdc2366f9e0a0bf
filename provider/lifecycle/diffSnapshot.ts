import { isUnknown } from "../base/unknown";
import { assertOfInstance } from "./adoption";
import { type DiffResult, diffOf } from "./diff";
import type { Inputs } from "./request";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";

/** What a change of the inputs means. `create` and `delete` get to know through it what the state says. */
export function diffSnapshot(session: Session, id: string, olds: State, news: Inputs): DiffResult {
    session.stack.learn(id, olds, news);
    assertOfInstance(id, olds, news);
    const result = diffOf(olds, news);
    if (result.replaces.length > 0) {
        session.logOf(news)(
            `a new set${isUnknown(news.instanceId) ? "" : ` of ${news.instanceId}`} is due: ${result.replaces.map(whyOf).join(", ")}`,
        );
    }
    if (result.replaces.includes("instanceId")) {
        // Not known yet: most often because the program replaces the instance as well.
        const next = isUnknown(news.instanceId) ? "one that is not known yet" : news.instanceId;
        session.logOf(news)(
            `warning: the instance changes from ${olds.instanceId} to ${next}: ` +
                `the snapshots of ${olds.instanceId} go with the replacement, unless retainOnDelete is set`,
        );
    }
    return result;
}

function whyOf(property: string): string {
    return property === "snapshotIds" ? "the old one is not whole" : `${property} changed`;
}
