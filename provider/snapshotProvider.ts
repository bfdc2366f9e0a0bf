import type { dynamic } from "@pulumi/pulumi";
import type { Inputs } from "./lifecycle/request";
import { checkSnapshot } from "./lifecycle/checkSnapshot";
import { diffSnapshot } from "./lifecycle/diffSnapshot";
import { Session } from "./lifecycle/session";
import type { State } from "./lifecycle/stackKnowledge";

/** Of this process: Pulumi starts one for all dynamic resources of a program. */
export const session = new Session();

/**
 * The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export.
 * `check` and `diff` are called for each resource in each run; what only the others need is loaded when they are called.
 */
export const provider: dynamic.ResourceProvider<Inputs, State> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async ({ config }) => session.configure(config),
    check: (olds, news) => session.answering(() => checkSnapshot(session, news, olds)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: (id, olds, news) => session.answering(async () => diffSnapshot(session, id, olds, news)),
    create: (inputs) =>
        session.answering(async () => {
            const { createSnapshot } = await import("./lifecycle/createSnapshot.js");
            return await createSnapshot(session, inputs);
        }),
    read: (id, props) =>
        session.answering(async () => {
            const { readSnapshot } = await import("./lifecycle/readSnapshot.js");
            return await readSnapshot(session, id, props);
        }),
    update: (id, olds, news) =>
        session.answering(async () => {
            const { updateSnapshot } = await import("./lifecycle/updateSnapshot.js");
            return await updateSnapshot(session, id, olds, news);
        }),
    delete: (id, props) =>
        session.answering(async () => {
            const { deleteSnapshot } = await import("./lifecycle/deleteSnapshot.js");
            await deleteSnapshot(session, id, props);
        }),
};
