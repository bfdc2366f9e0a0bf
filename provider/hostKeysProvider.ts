import type { dynamic } from "@pulumi/pulumi";
import * as lifecycle from "./lifecycle/hostKeysLifecycle";

type Props = Parameters<typeof lifecycle.create>[0];
type State = Parameters<typeof lifecycle.update>[1];

/** The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export. */
export const provider: dynamic.ResourceProvider<Props, State> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async (request) => lifecycle.configure(request.config),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    check: async (_olds, news) => lifecycle.check(news),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: async (_id, olds, news) => lifecycle.diff(olds, news),
    create: (inputs) => lifecycle.create(inputs),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    update: async (id, olds, news) => lifecycle.update(id, olds, news),
};
