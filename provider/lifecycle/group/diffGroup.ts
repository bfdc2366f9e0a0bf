import { isUnknown } from "../../base/unknown";
import { type DiffResult, diffOf } from "../diff";
import type { Session } from "../session";
import type { State } from "../stackKnowledge";
import type { GroupOutputs } from "./groupState";
import { type GroupRequest, inputsOf, knownAs, nameOf, stateOf } from "./members";

/** What a change of the inputs means. A group is taken anew as a whole. */
export function diffGroup(session: Session, olds: GroupOutputs, news: GroupRequest): DiffResult {
    if (isUnknown(news.members)) {
        return { changes: true, replaces: ["members"] };
    }
    learn(session, olds, news);
    const result = groupDiffOf(olds, news);
    if (result.replaces.length > 0) {
        session.logOf(news)(`new sets of all members are due: ${result.replaces.join(" and ")} changed`);
        sayWhatGoes(session, olds, news);
    }
    return result;
}

/** Of one that is a member no more, nothing new is taken. */
function sayWhatGoes(session: Session, olds: GroupOutputs, news: GroupRequest): void {
    for (const { instanceId } of Object.values(olds.sets)) {
        if (nameOf(news, instanceId) === undefined) {
            session.logOf(news)(
                `warning: ${instanceId} is no member any more: its snapshots go with the replacement, unless ` +
                    "retainOnDelete is set",
            );
        }
    }
}

/** What `create` and `delete` get to know of the state. */
function learn(session: Session, olds: GroupOutputs, news: GroupRequest): void {
    const { stack } = session;
    for (const set of Object.values(olds.sets)) {
        const { id, state } = stateOf(olds, set);
        const name = nameOf(news, set.instanceId);
        stack.learnSet(id, state, news.owner ?? "");
        if (name === undefined) {
            stack.learnState(state);
            believeOf(session, id, state, news);
        } else {
            // With an alias, the URN is another one by now: `create` asks by it, `delete` by that of the state.
            for (const owner of new Set([state.owner, news.owner])) {
                stack.learn(id, state, inputsOf(news, name), knownAs({ ...state, owner }));
            }
        }
    }
}

/** There is no way any more to the host of one that has left the group, so the user's word is all that there can be. */
function believeOf(
    session: Session,
    id: string,
    { thawPending, instanceId }: State,
    news: GroupRequest,
): void {
    if (thawPending && news.confirmAwake === id && !session.stack.isHealed(id)) {
        session.stack.markHealed([id]);
        session.logOf(news)(
            `warning: confirmAwake: ${instanceId} counts as awake after ${id}; nothing on it was looked at`,
        );
    }
}

/** By member. What has to be woken and has a set comes before anything else; the next run then sees the other changes. */
export function groupDiffOf(olds: GroupOutputs, news: GroupRequest): DiffResult {
    const names = Object.keys(news.members);
    const members = names.map((name) => {
        const set = Object.hasOwn(olds.sets, name) ? olds.sets[name] : undefined;
        return set === undefined
            ? { changes: true, replaces: ["instanceId"] }
            : diffOf(stateOf(olds, set).state, inputsOf(news, name));
    });
    if (
        Object.values(olds.sets).some(({ thawPending, snapshotIds }) => thawPending && snapshotIds.length > 0)
    ) {
        return { changes: true, replaces: [] };
    }
    const isOther = Object.keys(olds.sets).some((name) => !names.includes(name));
    const replaces = new Set(isOther ? ["members"] : []);
    for (const property of members.flatMap((member) => member.replaces)) {
        replaces.add(property === "triggers" ? "triggers" : "members");
    }
    return {
        changes: replaces.size > 0 || members.some((member) => member.changes),
        replaces: [...replaces],
    };
}
