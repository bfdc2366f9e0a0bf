import { all, output } from "@pulumi/pulumi";
import type { Input, Output } from "@pulumi/pulumi";
import type { SnapshotSet } from "../provider/program/snapshotSet";
import { TAG_PREFIX } from "../provider/aws/tags";

/**
 * Tags that say which set something was made of, and its level. Not the tags of the set itself: by these the provider
 * knows what it made, and deletes it.
 */
export function originTags(
    { id, instance, consistencyLevel, startTime }: SnapshotSet,
    own?: Input<Record<string, Input<string>>>,
): Output<Record<string, string>> {
    return all([output(own), id, instance, consistencyLevel, startTime]).apply(
        ([tags, set, { instanceId }, level, time]): Record<string, string> => ({
            ...tags,
            [`${TAG_PREFIX}source-set`]: set,
            [`${TAG_PREFIX}source-instance`]: instanceId,
            [`${TAG_PREFIX}source-level`]: level,
            [`${TAG_PREFIX}source-time`]: time,
        }),
    );
}
