import { createHash } from "node:crypto";
import { defaultPrefix, imageName } from "./imageName";

/**
 * The name of a copy of a set's image. Another key replaces the copy, so its name depends on the key; it differs from the
 * name of its source, which may be in the same region.
 */
export function copyName(resourceName: string, executionId: string, kmsKeyId: string | undefined): string {
    const digest = createHash("sha256")
        .update(kmsKeyId ?? "")
        .digest("hex")
        .slice(0, 8);
    return imageName(defaultPrefix(resourceName), executionId, digest);
}
