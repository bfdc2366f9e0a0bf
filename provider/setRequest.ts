import type { SetRequest } from "./aws/createSnapshots";
import type { Source, SourceVolume } from "./aws/instance";
import { newLease, tagList } from "./aws/setTags";
import { MAX_TAGS, healedTag, ownerTag, tagKeys } from "./aws/tags";
import type { Run } from "./run";

/** What CreateSnapshots is asked for in this run, with all tags that the set begins with. */
export function setRequest(run: Run, source: Pick<Source, "volumes">): SetRequest {
    const { inputs, executionId } = run;
    const tags = {
        ...inputs.tags,
        [tagKeys.execution]: executionId,
        ...(inputs.owner === undefined ? {} : { [tagKeys.owner]: ownerTag(inputs.owner) }),
        [tagKeys.instance]: inputs.instanceId,
        [tagKeys.state]: "in-progress",
        [tagKeys.lease]: newLease(),
    };
    return {
        instanceId: inputs.instanceId,
        description: inputs.description ?? `${executionId} of ${inputs.instanceId}`,
        selection: inputs.volumes,
        copyTagsFromVolumes: inputs.copyTagsFromVolumes ?? false,
        tags: tagList({ ...tags, ...healedTags(run, source, Object.keys(tags)) }),
    };
}

/** The state says it too: where users need all the room that there is for tags of their own, they have it. */
function healedTags(
    { healed, inputs }: Run,
    { volumes }: Pick<Source, "volumes">,
    keys: string[],
): Record<string, string> {
    const copied = inputs.copyTagsFromVolumes ? volumes : [NO_TAGS];
    const hasRoom = copied.every((volume) => tagsWith([...keys, tagKeys.healed], volume) <= MAX_TAGS);
    return healed.size > 0 && hasRoom ? { [tagKeys.healed]: healedTag(healed) } : {};
}

const NO_TAGS = { tagKeys: [] };

/** How many tags a snapshot has in the end: its volume's, if they are copied, and those that are known later, too. */
export function tagsWith(own: readonly string[], volume: Pick<SourceVolume, "tagKeys">): number {
    return new Set([...own, tagKeys.level, ...volume.tagKeys]).size;
}
