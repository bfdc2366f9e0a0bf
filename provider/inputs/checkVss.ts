import { NOT_IN_VSS_TAGS, VSS_TAGS } from "../aws/tags";
import type { CheckFailure } from "./checkFailure";
import { type VssQuiesce, makesImage } from "./inputs";
import { containsUnknown } from "../base/unknown";

/**
 * Of 50 (EC2 User Guide, "Tag restrictions"), beside those that VSS sets, and those of ours that have to be there
 * (aws/tags.ts). Our others give way (setRequest.ts, roomForTags.ts).
 */
const MAX_USER_TAGS = 41;

type Inputs = Record<string, unknown>;

/** What VSS cannot do, by the property that asks for it. */
export function checkVss(inputs: Inputs): CheckFailure[] {
    const quiesce = recordOf(inputs.quiesce);
    if (quiesce.method !== "vss") {
        return [];
    }
    const volumes = recordOf(inputs.volumes);
    const excluded: unknown = volumes.excludeDataVolumeIds;
    return [
        ...when(Array.isArray(excluded) && excluded.length > 0, {
            property: "volumes.excludeDataVolumeIds",
            reason: "cannot be used with VSS: it takes all data volumes of the instance",
        }),
        ...when(
            makesImage({ createImage: quiesce.createImage as VssQuiesce["createImage"] }) &&
                volumes.excludeBootVolume === true,
            {
                property: "quiesce.createImage",
                reason: "cannot be used with volumes.excludeBootVolume: an image needs its boot volume",
            },
        ),
        ...when(inputs.copyTagsFromVolumes === true, {
            property: "copyTagsFromVolumes",
            reason: "cannot be used with VSS, whose documents copy no tags",
        }),
        ...when(Object.keys(recordOf(inputs.tags)).length > MAX_USER_TAGS, {
            property: "tags",
            reason: `has more than ${MAX_USER_TAGS} tags: EC2 allows 50 on a snapshot, this package sets 6 and VSS 3 of them`,
        }),
        ...Object.entries(recordOf(inputs.tags)).flatMap(([key, value]) => checkTag(key, value)),
    ];
}

function checkTag(key: string, value: unknown): CheckFailure[] {
    const property = `tags.${key}`;
    return [
        ...when(VSS_TAGS.includes(key), { property, reason: "is a tag that VSS sets itself" }),
        ...when(!isTagText(key) || !isTagText(value), {
            property,
            reason: `has characters that the VSS documents do not take: only letters, digits, blanks and ()./\\-"'@_+:={}`,
        }),
    ];
}

function isTagText(text: unknown): boolean {
    return typeof text !== "string" || containsUnknown(text) || !NOT_IN_VSS_TAGS.test(text);
}

function when(condition: boolean, failure: CheckFailure): CheckFailure[] {
    return condition ? [failure] : [];
}

function recordOf(value: unknown): Inputs {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Inputs) : {};
}
