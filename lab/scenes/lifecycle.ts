import { checkSnapshot } from "../../provider/lifecycle/checkSnapshot";
import { createSnapshot } from "../../provider/lifecycle/createSnapshot";
import { deleteSnapshot } from "../../provider/lifecycle/deleteSnapshot";
import { diffSnapshot } from "../../provider/lifecycle/diffSnapshot";
import { createGroup as create_ } from "../../provider/lifecycle/group/createGroup";
import { deleteGroup as delete_ } from "../../provider/lifecycle/group/deleteGroup";
import { diffGroup as diff_ } from "../../provider/lifecycle/group/diffGroup";
import type { GroupOutputs } from "../../provider/lifecycle/group/groupState";
import type { GroupRequest } from "../../provider/lifecycle/group/members";
import { readGroup as read_ } from "../../provider/lifecycle/group/readGroup";
import { updateGroup as update_ } from "../../provider/lifecycle/group/updateGroup";
import { readSnapshot } from "../../provider/lifecycle/readSnapshot";
import type { Inputs } from "../../provider/lifecycle/request";
import { Session } from "../../provider/lifecycle/session";
import type { State } from "../../provider/lifecycle/stackKnowledge";
import { updateSnapshot } from "../../provider/lifecycle/updateSnapshot";

/** Of this test process. */
const session = new Session();

export const configure = (config: { get(key: string): string | undefined }) => session.configure(config);
export const check = (news: Inputs, olds?: object) => checkSnapshot(session, news, olds);
export const diff = (id: string, olds: State, news: Inputs) => diffSnapshot(session, id, olds, news);
export const create = (inputs: Inputs) => createSnapshot(session, inputs);
export const read = (id: string, props?: Partial<State>) => readSnapshot(session, id, props);
export const update = (id: string, olds: State, news: Inputs) => updateSnapshot(session, id, olds, news);
export const remove = (id: string, olds: State) => deleteSnapshot(session, id, olds);

export const createGroup = (inputs: GroupRequest) => create_(session, inputs);
export const readGroup = (id: string, props?: Partial<GroupOutputs>) => read_(session, id, props);
export const updateGroup = (id: string, olds: GroupOutputs, news: GroupRequest) =>
    update_(session, id, olds, news);
export const diffGroup = (olds: GroupOutputs, news: GroupRequest) => diff_(session, olds, news);
export const deleteGroup = (olds: GroupOutputs) => delete_(session, olds);
