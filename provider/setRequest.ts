import type { SetRequest } from "./aws/createSnapshots";
import type { Source } from "./aws/instance";
import { newLease, tagList } from "./aws/setTags";
import { APP_CONSISTENT, MAX_TAGS, VSS_CONFIG, VSS_DEVICE, ownerTag, tagKeys } from "./aws/tags";
import type { Run } from "./run";

/** What CreateSnapshots is asked for in this run, with all tags that the set begins with. */
export function setRequest(
    { inputs, executionId, clients }: Run,
    { volumes }: Pick<Source, "volumes">,
): SetRequest {
    const copyTagsFromVolumes = inputs.copyTagsFromVolumes ?? false;
    const tags = {
        ...inputs.tags,
        [tagKeys.execution]: executionId,
        ...(inputs.owner === undefined ? {} : { [tagKeys.owner]: ownerTag(inputs.owner) }),
        [tagKeys.instance]: inputs.instanceId,
        [tagKeys.state]: "in-progress",
        [tagKeys.lease]: newLease(clients.clock.now()),
    };
    const later = [tagKeys.level, ...(inputs.quiesce.method === "vss" ? VSS_TAGS : [])];
    const copied = copyTagsFromVolumes ? volumes.map((volume) => volume.tagKeys) : [];
    const size = { [tagKeys.size]: String(volumes.length) };
    return {
        instanceId: inputs.instanceId,
        description: inputs.description ?? `${executionId} of ${inputs.instanceId}`,
        selection: inputs.volumes,
        copyTagsFromVolumes,
        tags: tagList({
            ...tags,
            ...(isRoom([...Object.keys({ ...tags, ...size }), ...later], copied) ? size : {}),
        }),
    };
}

/** VSS sets them itself (EC2 User Guide, "Create VSS snapshots with Systems Manager"). */
const VSS_TAGS = [VSS_DEVICE, APP_CONSISTENT, VSS_CONFIG];

/**
 * Whether all of the set's tags fit on each snapshot, with those copied from its volume. What users may set is from a
 * time before there was a tag for the size: that goes before a tag of theirs does.
 */
export function isRoom(own: readonly string[], copied: readonly (readonly string[])[]): boolean {
    return [[], ...copied].every((keys) => new Set([...own, ...keys]).size <= MAX_TAGS);
}
