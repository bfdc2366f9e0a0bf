import type { GroupInputs, SnapshotInputs } from "../../inputs/inputs";
import { type Log, warningIn } from "../../base/log";
import { toState } from "../../run/state";
import type { Inputs } from "../request";
import type { State } from "../stackKnowledge";
import type { GroupOutputs, MemberState } from "./groupState";

/** Inputs of a group as the engine sends them. */
export type GroupRequest = GroupInputs & { __provider?: unknown };

/** What a member would have as inputs if it were a resource of its own. */
export function inputsOf({ members, ...shared }: GroupRequest, name: string): Inputs {
    const member = members[name];
    if (member === undefined) {
        throw new TypeError(`the group has no member ${name}`);
    }
    return { ...shared, ...member };
}

/** What a member would have as state if it were a resource of its own, and the id of that. */
export function stateOf(
    { triggers, tags, aws, owner }: GroupOutputs,
    set: MemberState,
): { id: string; state: State } {
    return { id: set.evidence.executionId, state: toState({ ...set, triggers, tags, aws, owner }) };
}

/** The name that an instance has in the program by now; undefined when it is no member any more. */
export function nameOf({ members }: GroupRequest, instanceId: string): string | undefined {
    return Object.keys(members).find((name) => members[name]?.instanceId === instanceId);
}

/** What the process knows a member by, whatever its name is by now: all of them have the URN of the group. */
export function knownAs({ owner = "", instanceId }: Pick<SnapshotInputs, "owner" | "instanceId">): string {
    return `${owner} ${instanceId}`;
}

/** Lines of one member on the row of the group. */
export function logOf(log: Log, name: string): Log {
    return (line, kind) => {
        const warning = warningIn(line);
        log(warning === undefined ? `${name}: ${line}` : `warning: ${name}: ${warning}`, kind);
    };
}
