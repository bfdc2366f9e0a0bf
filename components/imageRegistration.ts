import type { InstanceFacts, SnapshotInfo } from "../provider/base/outputs";
import { billingLoss, billingWayOut } from "./billingGate";
import { type BlockDevice, blockDeviceMapping } from "./blockDeviceMapping";

/** What an image is registered with, in the terms of `aws.ec2.Ami`. */
export interface ImageRegistration {
    readonly rootDeviceName: string;
    readonly ebsBlockDevices: readonly BlockDevice[];
    readonly architecture: string;
    readonly virtualizationType: string;
    readonly enaSupport: boolean;
    readonly sriovNetSupport?: string;
    readonly bootMode?: string;
    readonly tpmSupport?: string;
}

/**
 * How to register an image that starts as the source did.
 * @throws Error with the reason, and the way out, when there can be none
 */
export function imageRegistration(
    facts: InstanceFacts,
    snapshots: readonly SnapshotInfo[],
): ImageRegistration {
    const loss = billingLoss(facts);
    if (loss !== undefined) {
        throw new Error(`${refusal(facts)}, because ${loss}. ${billingWayOut(facts)}`);
    }
    const { rootDeviceName, architecture, virtualizationType, sriovNetSupport, tpmSupport } = facts;
    const ebsBlockDevices = blockDeviceMapping(snapshots);
    if (
        architecture === undefined ||
        virtualizationType === undefined ||
        rootDeviceName === undefined ||
        ebsBlockDevices.some(({ deviceName }) => deviceName === "")
    ) {
        throw new Error(
            `${refusal(facts)}, because the set was found by its id, and the instance or its volumes are gone. So it is not known what the image has to be like. Make an image of the snapshots by hand.`,
        );
    }
    if (virtualizationType !== "hvm") {
        throw new Error(
            `${refusal(facts)}, because a ${virtualizationType} image needs the kernel of its source. Move the instance to a type with hvm.`,
        );
    }
    if (!ebsBlockDevices.some(({ deviceName }) => deviceName === rootDeviceName)) {
        throw new Error(
            `${refusal(facts)}, because the set has no snapshot of its boot volume (${rootDeviceName}). Take the boot volume out of the exclusions in \`volumes\`.`,
        );
    }
    const bootMode = facts.bootMode ?? facts.currentInstanceBootMode;
    return {
        rootDeviceName,
        ebsBlockDevices,
        architecture,
        virtualizationType,
        enaSupport: facts.enaSupport ?? false,
        ...(sriovNetSupport === undefined ? {} : { sriovNetSupport }),
        ...(bootMode === undefined ? {} : { bootMode }),
        ...(tpmSupport === undefined ? {} : { tpmSupport }),
    };
}

function refusal({ instanceId }: InstanceFacts): string {
    return `no image can be registered from the snapshots of ${instanceId}`;
}
