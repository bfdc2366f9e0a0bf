import type { SetRequest } from "./aws/createSnapshots";
import { newLease, tagList } from "./aws/setTags";
import { ownerTag, tagKeys } from "./aws/tags";
import type { Run } from "./run";

/** What CreateSnapshots is asked for in this run, with all tags that the set begins with. */
export function setRequest({ inputs, executionId, clients }: Run): SetRequest {
    return {
        instanceId: inputs.instanceId,
        description: inputs.description ?? `${executionId} of ${inputs.instanceId}`,
        selection: inputs.volumes,
        copyTagsFromVolumes: inputs.copyTagsFromVolumes ?? false,
        tags: tagList({
            ...inputs.tags,
            [tagKeys.execution]: executionId,
            ...(inputs.owner === undefined ? {} : { [tagKeys.owner]: ownerTag(inputs.owner) }),
            [tagKeys.instance]: inputs.instanceId,
            [tagKeys.state]: "in-progress",
            [tagKeys.lease]: newLease(clients.clock.now()),
        }),
    };
}
