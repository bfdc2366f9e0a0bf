import { isUnknown } from "../base/unknown";
import { type DiffResult, diffOf } from "./diff";
import { type Inputs, logger } from "./request";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";

/** What a change of the inputs means. `create` and `delete` get to know through it what the state says. */
export function diffSnapshot({ stack }: Session, id: string, olds: State, news: Inputs): DiffResult {
    stack.learn(id, olds, news);
    const result = diffOf(olds, news);
    if (result.replaces.includes("instanceId") && !isUnknown(news.instanceId)) {
        logger(news)(
            `warning: the instance changes from ${olds.instanceId} to ${news.instanceId}: ` +
                `the snapshots of ${olds.instanceId} go with the replacement, unless retainOnDelete is set`,
        );
    }
    return result;
}
