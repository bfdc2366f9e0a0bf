import { createHash } from "node:crypto";
import { isOfFirstReleases } from "../provider/base/executionId";

/** EC2's limit of an image's name (EC2 API reference, RegisterImage). */
const MAX_NAME = 128;
/** Beside the longest prefix and an execution id there is room for no more. */
const VARIANT = 6;
/** What an image's name may not have (EC2 API reference, RegisterImage). */
const NOT_IN_NAMES = /[^A-Za-z0-9()[\] ./\-'@_]/g;
/** EC2's least length of an image's name is 3; the execution id alone is longer. */
const PREFIX = /^[A-Za-z0-9()[\] ./\-'@_]{1,80}$/;

/**
 * The name of an image that is made of a set: unique per set, as the new image has to exist beside the old one until
 * the replacement is done, and names are unique per account and region.
 *
 * @param executionId the set's id, `acs-...`
 * @param variant what else an image of the same set can differ by
 */
export function imageName(prefix: string, executionId: string, variant?: string): string {
    const suffix = variant === undefined ? `-${executionId}` : `-${executionId}-${variant}`;
    return `${prefix.slice(0, MAX_NAME - suffix.length)}${suffix}`;
}

/**
 * What tells images of one set apart that have one name: those of an image and of a replica, of components of two parents,
 * or of names that become the same in an image's name. The stack and the project are left out, which can be renamed.
 *
 * Undefined for sets of the first releases: another name would replace the images that stacks have of them.
 */
export function variantOf(urn: string, executionId: string): string | undefined {
    if (isOfFirstReleases(executionId)) {
        return undefined;
    }
    const [, , ...typesAndName] = urn.split("::");
    return createHash("sha256").update(typesAndName.join("::")).digest("hex").slice(0, VARIANT);
}

/** The resource's name, as far as an image's name can hold it. */
export function defaultPrefix(resourceName: string): string {
    return resourceName.replace(NOT_IN_NAMES, "-");
}

/** What is wrong with what images' names begin with, or undefined. */
export function prefixProblem(namePrefix: unknown): string | undefined {
    return typeof namePrefix === "string" && PREFIX.test(namePrefix)
        ? undefined
        : `\`namePrefix\` ${typeof namePrefix === "string" ? `${JSON.stringify(namePrefix)} ` : ""}must be 1 to 80 of the characters that an image's name may have: ` +
              "letters, digits, blanks and ()[]./-'@_";
}
