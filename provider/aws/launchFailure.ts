import { type Failure, SnapshotError } from "../base/errors";
import { wordsOf } from "./foreignAnswer";
import { keyRemedy } from "./keyProblem";
import { awsErrorName, isRefusal, originalOf } from "./request";

/** What to do when EC2 has none to give. */
export const CAPACITY =
    "EC2 has no such instance to give there now: run again later, or set another launch.instanceType, or a launch.subnetId in another zone.";
const QUOTA =
    "Ask AWS for a higher quota (Service Quotas), end instances that are not needed, or set a smaller launch.instanceType.";

/** The names are of the EC2 API reference, "Error codes". Those of capacity come as server errors (5xx). */
const REMEDIES: Readonly<Record<string, string>> = {
    InsufficientInstanceCapacity: CAPACITY,
    InsufficientHostCapacity: CAPACITY,
    InsufficientCapacity: CAPACITY,
    InsufficientVolumeCapacity: CAPACITY,
    Unsupported: "Set a launch.instanceType that the zone of launch.subnetId has, and that fits the image.",
    InstanceLimitExceeded: QUOTA,
    VcpuLimitExceeded: QUOTA,
    VolumeLimitExceeded: "Ask AWS for a higher quota of EBS volumes (Service Quotas), or delete volumes.",
    MaxIOPSLimitExceeded: "Ask AWS for a higher quota of provisioned IOPS (Service Quotas).",
    InsufficientFreeAddressesInSubnet:
        "Free addresses in the subnet, or set a launch.subnetId that has some.",
    "InvalidIPAddress.InUse": "Leave launch.privateIp out, or set one that is free.",
    "InvalidSubnetID.NotFound": "Correct launch.subnetId: a subnet of this account and region.",
    InvalidSubnet: "Correct launch.subnetId: a subnet of this account and region.",
    "InvalidGroup.NotFound": "Correct launch.vpcSecurityGroupIds: groups of the subnet's VPC.",
    InvalidParameter: "See AWS's words. Security groups must be of the subnet's VPC.",
    "InvalidAMIID.NotFound": "Correct imageId: an image of this region that this account may use.",
    "InvalidAMIID.Unavailable": "Wait until the image is available, or see why it failed, and run again.",
    "InvalidLaunchTemplateId.NotFound": "Correct launchTemplate.id: a launch template of this region.",
    "InvalidLaunchTemplateId.VersionNotFound": "Correct launchTemplate.version.",
    "InvalidKeyPair.NotFound": "Correct launch.keyName, or leave it out: the image has its accounts' keys.",
    InvalidInstanceType: "Correct launch.instanceType.",
};

/** What an error of RunInstances means. `LAUNCH_REFUSED`: there is no copy. `LAUNCH_FAILED`: there may be one. */
export function launchFailure(error: unknown): Failure {
    const name = awsErrorName(error);
    const known = error instanceof SnapshotError ? error.failure : undefined;
    const remedy = Object.hasOwn(REMEDIES, name) ? REMEDIES[name] : undefined;
    const message = `EC2 launched no copy: ${known?.message ?? wordsOf(error)}`;
    if (remedy !== undefined) {
        return { code: "LAUNCH_REFUSED", message, remedy: `${remedy} Then run again.` };
    }
    if (mayHaveActed(error)) {
        return unknownLaunch(error, known?.remedy ?? "Run again.");
    }
    if (known !== undefined && known.code !== "AWS_ERROR") {
        return known;
    }
    if (isRefusal(error)) {
        return {
            code: "LAUNCH_REFUSED",
            message,
            remedy: keyRemedy(message) ?? "See AWS's words, correct the inputs, and run again.",
        };
    }
    return unknownLaunch(error, "Run again.");
}

function unknownLaunch(error: unknown, remedy: string): Failure {
    const said = error instanceof SnapshotError ? error.failure.message : wordsOf(error);
    return {
        code: "LAUNCH_FAILED",
        message: `Whether EC2 has launched a copy is not known: ${said}`,
        remedy,
    };
}

/**
 * The SDK has sent the request again, and what refused the last one looks at no client token: so the one before may have
 * been carried out, and its answer lost.
 */
function mayHaveActed(error: unknown): boolean {
    const metadata = (originalOf(error) as { $metadata?: { attempts?: number } } | undefined)?.$metadata;
    return (metadata?.attempts ?? 1) > 1;
}
