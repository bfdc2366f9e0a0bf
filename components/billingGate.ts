import type { InstanceFacts } from "../provider/base/outputs";

/** EC2's code for plain Linux (EC2 User Guide, "AMI billing information fields"). All others bill for a licence. */
const PLAIN_LINUX = "RunInstances";
const PLAIN_LINUX_DETAILS = "Linux/UNIX";

/**
 * Why an image that is registered from snapshots would not be billed, licensed or supported as the source is: RegisterImage
 * has no input for the billing code, so that such an image starts without it, or not at all (EC2 API reference,
 * RegisterImage). Undefined: it would be the same.
 */
export function billingLoss(facts: InstanceFacts): string | undefined {
    const { platform, usageOperation, platformDetails, productCodes } = facts;
    if (platform === "windows") {
        return "an image of Windows that is registered from snapshots does not start";
    }
    if (productCodes.length > 0) {
        const codes = productCodes.map(({ productCodeId }) => productCodeId).join(", ");
        return `the image would lose its AWS Marketplace product code (${codes})`;
    }
    if (usageOperation === undefined && platformDetails === undefined) {
        return "it is not known what the instance is billed as";
    }
    if (
        (usageOperation ?? PLAIN_LINUX) !== PLAIN_LINUX ||
        (platformDetails ?? PLAIN_LINUX_DETAILS) !== PLAIN_LINUX_DETAILS
    ) {
        const billed = [platformDetails, usageOperation].filter((text) => text !== undefined).join(", ");
        return `the image would lose its billing code (${billed})`;
    }
    return undefined;
}

/** What to do instead. */
export function billingWayOut(facts: InstanceFacts): string {
    if (facts.platform === "windows") {
        return 'Have the snapshot make the image, `quiesce: { method: "vss", createImage: true }`, which is then its output `imageId`.';
    }
    const source = facts.imageId ?? "the image that the source was launched from";
    return `Launch an instance from ${source}, which has the code, stop it, and put volumes made of these snapshots in the place of its own.`;
}
