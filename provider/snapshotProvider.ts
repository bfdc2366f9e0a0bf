import type { dynamic } from "@pulumi/pulumi";
import * as lifecycle from "./lifecycle/lifecycle";

type Props = Parameters<typeof lifecycle.create>[0];
type State = Parameters<typeof lifecycle.remove>[1];

/** The lifecycle, called as Pulumi calls a dynamic provider. States of all versions name this file and this export. */
export const provider: dynamic.ResourceProvider<Props, State> = {
    // eslint-disable-next-line @typescript-eslint/require-await -- must be stored before anything is awaited
    configure: async (request) => lifecycle.configure(request.config),
    check: (olds, news) => lifecycle.check(news, olds),
    // eslint-disable-next-line @typescript-eslint/require-await -- a throw must become a rejection
    diff: async (id, olds, news) => lifecycle.diff(id, olds, news),
    create: (inputs) => lifecycle.create(inputs),
    read: (id, props) => lifecycle.read(id, props),
    update: (id, olds, news) => lifecycle.update(id, olds, news),
    delete: (id, props) => lifecycle.remove(id, props),
};
