import type { SetRequest } from "../aws/createSnapshots";
import type { Source } from "../aws/instance";
import { newLease, tagList } from "../aws/setTags";
import { MAX_TAGS, NOT_IN_VSS_TAGS, TAG_PREFIX, VSS_TAGS, healedTag, ownerTag, tagKeys } from "../aws/tags";
import type { Run } from "./run";

/** What CreateSnapshots is asked for in this run, with all tags that the set begins with. */
export function setRequest(
    { inputs, executionId, clients, healed, group }: Run,
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
    // In the order of what they are worth.
    const optional = {
        [tagKeys.size]: String(volumes.length),
        ...(group === undefined
            ? {}
            : {
                  [tagKeys.members]: group.instanceIds.join(" "),
                  [tagKeys.group]: group.id,
                  [tagKeys.member]: group.member,
              }),
        ...(healed.size === 0 ? {} : { [tagKeys.healed]: healedTag(healed) }),
        ...defaultTags(clients, inputs),
    };
    return {
        instanceId: inputs.instanceId,
        description: inputs.description ?? `${executionId} of ${inputs.instanceId}`,
        selection: inputs.volumes,
        copyTagsFromVolumes,
        tags: tagList(withRoom(tags, optional, (keys) => isRoom([...keys, ...later], copied))),
    };
}

/** Of the stack's `aws:defaultTags`, those that the resource does not set, and that may be set. */
export function defaultTags(
    { config }: Pick<Run["clients"], "config">,
    { tags = {}, quiesce }: Pick<Run["inputs"], "tags"> & { readonly quiesce?: { readonly method: string } },
): Record<string, string> {
    const may = ([key, value]: [string, string]) =>
        !(key in tags) &&
        !key.startsWith(TAG_PREFIX) &&
        (quiesce?.method !== "vss" ||
            !(VSS_TAGS.includes(key) || NOT_IN_VSS_TAGS.test(key) || NOT_IN_VSS_TAGS.test(value)));
    return Object.fromEntries(Object.entries(config.defaultTags?.tags ?? {}).filter(may));
}

/** Adds those that there is room for, the first ones first. */
function withRoom(
    tags: Readonly<Record<string, string>>,
    optional: Readonly<Record<string, string>>,
    fits: (keys: string[]) => boolean,
): Record<string, string> {
    return Object.entries(optional).reduce<Record<string, string>>((all, [key, value]) => {
        const more = { ...all, [key]: value };
        return fits(Object.keys(more)) ? more : all;
    }, tags);
}

/**
 * Whether all of the set's tags fit on each snapshot, with those copied from its volume. What users may set is from a
 * time before there were tags for the size and for what was healed: these go before a tag of theirs does.
 */
export function isRoom(own: readonly string[], copied: readonly (readonly string[])[]): boolean {
    return [[], ...copied].every((keys) => new Set([...own, ...keys]).size <= MAX_TAGS);
}
