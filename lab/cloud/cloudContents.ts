import {
    DescribeImagesCommand,
    DescribeInstancesCommand,
    DescribeLaunchTemplatesCommand,
    EC2Client,
    type Image,
    type Instance,
    type LaunchTemplate,
} from "@aws-sdk/client-ec2";
import type { CloudSnapshot, LocalCloud } from "./localCloud";

/** All that a program can have left in a region. */
export interface CloudContents {
    readonly snapshots: readonly CloudSnapshot[];
    readonly images: readonly Image[];
    readonly templates: readonly LaunchTemplate[];
    /** Those that have not been terminated. */
    readonly instances: readonly Instance[];
}

export async function contentsOf(cloud: LocalCloud, region: string): Promise<CloudContents> {
    const ec2 = new EC2Client(cloud.clientConfig({ region }));
    try {
        const [snapshots, { Images = [] }, { LaunchTemplates = [] }, { Reservations = [] }] =
            await Promise.all([
                cloud.snapshots(undefined, region),
                ec2.send(new DescribeImagesCommand()),
                ec2.send(new DescribeLaunchTemplatesCommand()),
                ec2.send(new DescribeInstancesCommand()),
            ]);
        const instances = Reservations.flatMap((one) => one.Instances ?? []);
        return {
            snapshots,
            images: Images,
            templates: LaunchTemplates,
            instances: instances.filter(({ State }) => State?.Name !== "terminated"),
        };
    } finally {
        ec2.destroy();
    }
}

/** How many of each there are. */
export async function countsOf(
    cloud: LocalCloud,
    region: string,
): Promise<Record<keyof CloudContents, number>> {
    const { snapshots, images, templates, instances } = await contentsOf(cloud, region);
    return {
        snapshots: snapshots.length,
        images: images.length,
        templates: templates.length,
        instances: instances.length,
    };
}
