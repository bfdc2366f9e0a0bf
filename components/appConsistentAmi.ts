import { ComponentResource, ResourceError, all } from "@pulumi/pulumi";
import type { ComponentResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { SnapshotSet } from "../provider/program/snapshotSet";
import type { ConsistencyLevel } from "../provider/base/evidence";
import { amiProblem, assertArgs } from "./argsProblem";
import { awsEc2 } from "./awsEc2";
import { defaultPrefix, imageName, variantOf } from "./imageName";
import { imageRegistration } from "./imageRegistration";
import { originTags } from "./originTags";
import { urnOf } from "./urnOf";

/** Inputs of an AppConsistentAmi. */
export interface AppConsistentAmiArgs {
    /** The set to make the image of. */
    snapshot: SnapshotSet;
    /**
     * What the image's name begins with; the set's id comes behind. 1 to 80 of the characters that an image's name may
     * have. Default: the component's name. Not with `createImage`, which names its image itself.
     */
    namePrefix?: string | undefined;
    /**
     * Tags of the image, besides those that say what it was made of. Default: none. Not with `createImage`: use the
     * snapshot's `tags`.
     */
    tags?: Input<Record<string, Input<string>>> | undefined;
}

/**
 * An image (AMI) of a set of snapshots, in the set's account and region. Linux: registered from the snapshots. Windows:
 * the image that the snapshot made (`createImage`). A set from `AppConsistentSnapshot.get` counts as one of
 * Linux, and so does one whose `quiesce` is an Output.
 *
 * Its type, for `--target`, transforms and policies: `app-consistent-snapshot:index:AppConsistentAmi`.
 *
 * @example
 * const snapshot = new AppConsistentSnapshot("nightly", { instanceId: server.id, quiesce: { method: "none" } });
 * const image = new AppConsistentAmi("golden", { snapshot, tags: { team: "data" } });
 * export const imageId = image.imageId;
 */
export class AppConsistentAmi extends ComponentResource {
    /** `ami-...` */
    public readonly imageId: Output<string>;
    /** That of the set. */
    public readonly consistencyLevel: Output<ConsistencyLevel>;

    /** @throws Error that names the input to change, when there can be no image. */
    constructor(name: string, args: AppConsistentAmiArgs, opts?: ComponentResourceOptions) {
        assertArgs(`AppConsistentAmi "${name}"`, amiProblem(args, opts));
        super("app-consistent-snapshot:index:AppConsistentAmi", name, {}, opts);
        this.imageId =
            args.snapshot.quiescing?.method === "vss" ? this.made(args) : this.registered(name, args);
        this.consistencyLevel = args.snapshot.consistencyLevel;
        this.registerOutputs({ imageId: this.imageId, consistencyLevel: this.consistencyLevel });
    }

    /** The image that the snapshot made. */
    private made({ snapshot, namePrefix, tags }: AppConsistentAmiArgs): Output<string> {
        if (snapshot.quiescing?.createImage !== true) {
            throw this.refused(
                "an image of Windows that is registered from snapshots does not start; let the snapshot make one, by its input `quiesce.createImage`.",
            );
        }
        if (namePrefix !== undefined) {
            throw this.refused(
                "`namePrefix` has no effect with `createImage`; use `quiesce.createImage.namePrefix` of the snapshot.",
            );
        }
        if (tags !== undefined) {
            throw this.refused(
                "`tags` has no effect with `createImage`; use `tags` of the snapshot, which its image has too.",
            );
        }
        return all([snapshot.imageId, snapshot.evidence]).apply(([imageId, { message }]) => {
            if (imageId === undefined) {
                throw this.refused(
                    `the set has no image, because VSS failed and a plain set took its place (${message ?? "no message"})`,
                );
            }
            return imageId;
        });
    }

    private registered(name: string, { snapshot, namePrefix, tags }: AppConsistentAmiArgs): Output<string> {
        const registration = all([snapshot.instance, snapshot.snapshots]).apply((set) => {
            try {
                return imageRegistration(...set);
            } catch (error) {
                throw this.refused((error as Error).message);
            }
        });
        const { Ami } = awsEc2("AppConsistentAmi");
        const image = new Ami(
            name,
            {
                name: all([snapshot.id, urnOf(this)]).apply(([id, urn]) =>
                    imageName(namePrefix ?? defaultPrefix(name), id, variantOf(urn, id)),
                ),
                region: snapshot.instance.region,
                rootDeviceName: registration.rootDeviceName,
                ebsBlockDevices: registration.apply(({ ebsBlockDevices }) => [...ebsBlockDevices]),
                architecture: registration.architecture,
                virtualizationType: registration.virtualizationType,
                enaSupport: registration.enaSupport,
                sriovNetSupport: registration.apply(({ sriovNetSupport }) => sriovNetSupport),
                bootMode: registration.apply(({ bootMode }) => bootMode),
                tpmSupport: registration.apply(({ tpmSupport }) => tpmSupport),
                tags: originTags(snapshot, tags),
            },
            { parent: this },
        );
        return image.id;
    }

    /** Shown with the component, without a stack, and without the properties that the SDK was on its way through. */
    private refused(message: string): ResourceError {
        const error = new ResourceError(message, this, true);
        Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
        return error;
    }
}
