import type { dynamic } from "@pulumi/pulumi";
import { checkHostKeys, createHostKeys, diffHostKeys, updateHostKeys } from "./lifecycle/hostKeys";
import { session } from "./snapshotProvider";

type Props = Parameters<typeof createHostKeys>[1];
type State = Parameters<typeof updateHostKeys>[1];

/** The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export. */
export const provider: dynamic.ResourceProvider<Props, State> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async ({ config }) => session.configure(config),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    check: async (_olds, news) => checkHostKeys(news),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: async (_id, olds, news) => diffHostKeys(olds, news),
    create: (inputs) => session.answering(() => createHostKeys(session, inputs)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    update: async (id, olds, news) => updateHostKeys(id, olds, news),
};
