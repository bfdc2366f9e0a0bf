import { checkSnapshot } from "../../provider/lifecycle/checkSnapshot";
import { createSnapshot } from "../../provider/lifecycle/createSnapshot";
import { deleteSnapshot } from "../../provider/lifecycle/deleteSnapshot";
import { diffSnapshot } from "../../provider/lifecycle/diffSnapshot";
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
