import type { dynamic } from "@pulumi/pulumi";
import { checkGroup } from "./lifecycle/group/checkGroup";
import { diffGroup } from "./lifecycle/group/diffGroup";
import type { GroupOutputs } from "./lifecycle/group/groupState";
import type { GroupRequest } from "./lifecycle/group/members";
import { session } from "./snapshotProvider";

/** The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export. */
export const provider: dynamic.ResourceProvider<GroupRequest, GroupOutputs> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async ({ config }) => session.configure(config),
    check: (olds, news) => session.answering(() => checkGroup(session, news, olds)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: (_id, olds, news) => session.answering(async () => diffGroup(session, olds, news)),
    create: (inputs) =>
        session.answering(async () => {
            const { createGroup } = await import("./lifecycle/group/createGroup.js");
            return await createGroup(session, inputs);
        }),
    read: (id, props) =>
        session.answering(async () => {
            const { readGroup } = await import("./lifecycle/group/readGroup.js");
            return await readGroup(session, id, props);
        }),
    update: (id, olds, news) =>
        session.answering(async () => {
            const { updateGroup } = await import("./lifecycle/group/updateGroup.js");
            return await updateGroup(session, id, olds, news);
        }),
    delete: (_id, props) =>
        session.answering(async () => {
            const { deleteGroup } = await import("./lifecycle/group/deleteGroup.js");
            await deleteGroup(session, props);
        }),
};
