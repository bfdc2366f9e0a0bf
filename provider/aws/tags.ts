import type { Tag } from "@aws-sdk/client-ec2";
import { createHash } from "node:crypto";

/** All tags of this package begin with this; users cannot set such tags. */
export const TAG_PREFIX = "app-consistent-snapshot:";

export const tagKeys = {
    /** The execution id of the run that took the set: what holds the set together. */
    execution: `${TAG_PREFIX}execution`,
    /** URN of the resource. */
    owner: `${TAG_PREFIX}owner`,
    instance: `${TAG_PREFIX}instance`,
    /** The instances of a group, whose sets were taken together: by it one that is no member any more is found. */
    members: `${TAG_PREFIX}members`,
    /** The id of the group that the set was taken for, and the member's name in it. Only where there is room. */
    group: `${TAG_PREFIX}group`,
    member: `${TAG_PREFIX}member`,
    /** How many snapshots the set was taken with: where that fits, and since there are sets of more than one release. */
    size: `${TAG_PREFIX}size`,
    level: `${TAG_PREFIX}level`,
    /** `in-progress` until Pulumi is about to be told of the set, then `complete`. */
    state: `${TAG_PREFIX}state`,
    /** While a run lives, it keeps this time (ISO 8601) in the future. */
    lease: `${TAG_PREFIX}lease`,
    /** Ids of earlier executions whose freeze the run has found, or made, to be over. Only where there is one. */
    healed: `${TAG_PREFIX}healed`,
    /** `pending` when the run ended without proof that the instance is awake, `done` when a later one had it. */
    thaw: `${TAG_PREFIX}thaw`,
} as const;

/** AWS's tag on a snapshot that VSS vouches for (EC2 User Guide, "Create VSS snapshots with Systems Manager"). */
export const APP_CONSISTENT = "AppConsistent";
/** AWS's tag beside it, with the volume's device name (the same page). */
export const VSS_DEVICE = "Device";

/** AWS's tag with the version of the components and the id of the set (EC2 User Guide, "Version history"). */
export const VSS_CONFIG = "AwsVssConfig";

/** The documents set them themselves (EC2 User Guide, "Create VSS snapshots with Systems Manager"). */
export const VSS_TAGS: readonly string[] = [VSS_DEVICE, APP_CONSISTENT, VSS_CONFIG];

/** Of one resource (EC2 User Guide, "Tag restrictions"). */
export const MAX_TAGS = 50;

/** A snapshot, an image, ... */
interface Tagged {
    readonly Tags?: readonly Tag[] | undefined;
}

/** The value of the tag, if there is one. */
export function tagOf({ Tags }: Tagged, key: string): string | undefined {
    return Tags?.find((tag) => tag.Key === key)?.Value;
}

/**
 * A filter of EC2 for what has the tag with this value. In a filter's value `*`, `?` and `\` mean something (EC2 User Guide,
 * "Filter your resources"). `?` stands for each, so the answer may hold more than was meant.
 */
export function tagFilter(key: string, value: string): { Name: string; Values: string[] } {
    return { Name: `tag:${key}`, Values: [value.replace(/[*?\\]/g, "?")] };
}

/** When the leases of all these have run out, in milliseconds since 1970; undefined when there is none that can be read. */
export function leaseOf(made: readonly Tagged[]): number | undefined {
    const leases = made.map((one) => Date.parse(tagOf(one, tagKeys.lease) ?? "")).filter(Number.isFinite);
    return leases.length > 0 ? Math.max(...leases) : undefined;
}

/** The value of the tag `healed`: the newest, as many as fit. */
export function healedTag(executionIds: Iterable<string>): string {
    let value = "";
    for (const id of [...executionIds].reverse()) {
        const longer = value === "" ? id : `${value} ${id}`;
        if (longer.length > MAX_VALUE) {
            break;
        }
        value = longer;
    }
    return value;
}

/** Characters that the VSS documents do not take in a tag (EC2 User Guide, "Create VSS snapshots"). */
export const NOT_IN_VSS_TAGS = /[^A-Za-z0-9() ./\\\-"'@_+:={}]/;
const ALL_NOT_IN_VSS_TAGS = new RegExp(NOT_IN_VSS_TAGS, "g");
/** Those but `$`, which every URN of a component's child has between types: there `_` stands for nothing else. */
const AMBIGUOUS = /[^A-Za-z0-9() ./\\\-"'@_+:={}$]/;

/** EC2's limit of a tag's value (EC2 User Guide, "Tag restrictions"). */
const MAX_VALUE = 256;

/**
 * A URN that does not fit a tag keeps its end, type and name, which people tell resources apart by, behind a digest of
 * the whole, which the next run does.
 */
export function ownerTag(urn: string): string {
    if (urn.length <= MAX_VALUE && !AMBIGUOUS.test(urn)) {
        return urn.replace(ALL_NOT_IN_VSS_TAGS, "_");
    }
    const digest = createHash("sha256").update(urn).digest("hex").slice(0, 32);
    return `${digest} ${urn.slice(digest.length + 1 - MAX_VALUE)}`.replace(ALL_NOT_IN_VSS_TAGS, "_");
}
