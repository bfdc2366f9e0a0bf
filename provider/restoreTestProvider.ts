import type { dynamic } from "@pulumi/pulumi";
import { checkRestore } from "./lifecycle/restoreTest/checkRestore";
import { diffRestore } from "./lifecycle/restoreTest/diffRestore";
import type { RestoreOutputs, RestoreRequest } from "./lifecycle/restoreTest/restoreOutputs";
import { session } from "./snapshotProvider";

/** The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export. */
export const provider: dynamic.ResourceProvider<RestoreRequest, RestoreOutputs> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async ({ config }) => session.configure(config),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    check: (olds, news) => session.answering(async () => checkRestore(session, news, olds)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: (_id, olds, news) => session.answering(async () => diffRestore(session, olds, news)),
    create: (inputs) =>
        session.answering(async () => {
            const { createRestore } = await import("./lifecycle/restoreTest/createRestore.js");
            return await createRestore(session, inputs);
        }),
    read: (id, props) =>
        session.answering(async () => {
            const { readRestore } = await import("./lifecycle/restoreTest/readRestore.js");
            return await readRestore(session, id, props);
        }),
    update: (id, olds, news) =>
        session.answering(async () => {
            const { updateRestore } = await import("./lifecycle/restoreTest/updateRestore.js");
            return await updateRestore(session, id, olds, news);
        }),
    delete: (id, props) =>
        session.answering(async () => {
            const { deleteRestore } = await import("./lifecycle/restoreTest/deleteRestore.js");
            await deleteRestore(session, id, props);
        }),
};
