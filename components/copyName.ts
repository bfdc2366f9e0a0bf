import { createHash } from "node:crypto";
import { defaultPrefix, imageName, variantOf } from "./imageName";

/** What a copy is replaced by another one for. */
export interface CopyOrigin {
    readonly sourceImageId: string;
    /** Of the copy. */
    readonly region: string;
    readonly kmsKeyId?: string | undefined;
    /** Of the replica that has the copy. */
    readonly urn: string;
}

/**
 * The name of a copy of a set's image. It depends on all that replaces the copy, as with the name unchanged the old copy
 * would have to go first; and it differs from the name of its source, which may be in the same region.
 */
export function copyName(resourceName: string, executionId: string, origin: CopyOrigin): string {
    const { sourceImageId, region, kmsKeyId, urn } = origin;
    const variant = variantOf(urn, executionId);
    const digest = createHash("sha256")
        .update(
            JSON.stringify([sourceImageId, region, kmsKeyId, ...(variant === undefined ? [] : [variant])]),
        )
        .digest("hex")
        .slice(0, 8);
    return imageName(defaultPrefix(resourceName), executionId, digest);
}
