import { EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";
import { makeProject, type Project } from "../../../lab/engine/project";
import { LaunchedMachines } from "../../../lab/machine/launchedMachines";
import { Machine } from "../../../lab/machine/machine";
import { preparedVolumes, volumesIn, VOLUME_SIZES_GIB } from "../../../lab/machine/preparedVolumes";
import { VolumeStore } from "../../../lab/machine/volumeStore";
import { type AtEnd, stopAll } from "../../stopAll";

const MIB = 1024 * 1024;

/** Where the guard keeps what it knows of a freeze. */
export const GUARD_FOLDER = "/run/app-consistent-snapshot";

/** Seconds. Each phase has room for an emulated machine on a busy one, but for the freeze, which is what is tried. */
export const TIMEOUTS = { connect: 600, preFreeze: 300, freeze: 60, postThaw: 120, completion: 60 };

/** A virtual machine that is an instance of a local cloud, and a stack of the real engine that takes sets of it. */
export class MachineLab {
    private constructor(
        readonly cloud: LocalCloud,
        readonly instance: CloudInstance,
        readonly store: VolumeStore,
        readonly machine: Machine,
        readonly launched: LaunchedMachines,
        readonly project: Project,
        private readonly stops: (() => unknown)[],
    ) {}

    static async start(log: (line: string) => void): Promise<MachineLab> {
        const stops: (() => unknown)[] = [];
        const atEnd: AtEnd = (stop) => stops.push(stop);
        try {
            const prepared = await preparedVolumes(log);
            const cloud = await startLocalCloud({ snapshotDurationMs: 0 });
            atEnd(() => cloud.stop());
            const store = await VolumeStore.start();
            atEnd(() => store.stop());
            const instance = await cloud.createInstance({
                volumes: VOLUME_SIZES_GIB.map((sizeGiB) => ({ sizeGiB })),
            });
            const volumes = volumesIn(await store.take(prepared, "volumes"), instance.volumeIds);
            for (const { volumeId, file, offsetMiB, sizeMiB } of volumes) {
                await cloud.giveContents(volumeId, { file, offset: offsetMiB * MIB, length: sizeMiB * MIB });
            }
            const launched = await LaunchedMachines.start(cloud, store);
            atEnd(() => launched.stop());
            const { instanceId } = instance;
            const machine = await Machine.start({ instanceId, volumes });
            atEnd(() => machine.stop());
            const project = await makeProject({ program: "", env: cloud.env });
            atEnd(() => project.dispose());
            return new MachineLab(cloud, instance, store, machine, launched, project, stops);
        } catch (error) {
            await stopAll(stops);
            throw error;
        }
    }

    /** `launch` of a program. */
    get launchArgs() {
        const { subnetId, securityGroupId } = this.launched.network;
        return { instanceType: "m5.large" as const, subnetId, vpcSecurityGroupIds: [securityGroupId] };
    }

    /** An instance of an image, and the machine that boots for it. */
    async launch(imageId: string): Promise<Machine> {
        const { instanceType, subnetId } = this.launchArgs;
        const { Instances = [] } = await this.#ec2().send(
            new RunInstancesCommand({
                ImageId: imageId,
                MinCount: 1,
                MaxCount: 1,
                InstanceType: instanceType,
                SubnetId: subnetId,
            }),
        );
        return await this.launched.machineOf(Instances[0]?.InstanceId ?? "none");
    }

    async terminate({ instanceId }: Machine): Promise<void> {
        await this.#ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    }

    #ec2(): EC2Client {
        return new EC2Client(this.cloud.clientConfig());
    }

    async stop(): Promise<void> {
        await stopAll(this.stops);
    }
}

/** Of the machine, as a program writes it. */
export function connectionOf(machine: Machine): Record<string, unknown> {
    return {
        host: machine.address,
        port: machine.port,
        user: machine.user,
        privateKey: machine.clientKey,
        hostKey: machine.hostKeyLine,
    };
}
