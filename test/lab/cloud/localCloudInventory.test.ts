import {
    CopyImageCommand,
    CreateImageCommand,
    CreateLaunchTemplateCommand,
    CreateSnapshotsCommand,
    DescribeSnapshotsCommand,
    EC2Client,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type LocalCloud, startLocalCloud } from "../../../lab/cloud/localCloud";

const AWAY = "eu-west-1";

describe("local cloud, inventory", function () {
    this.timeout(120_000);
    let cloud: LocalCloud;
    let other: LocalCloud;
    const clients: EC2Client[] = [];
    before(async () => {
        [cloud, other] = await Promise.all([startLocalCloud({ snapshotDurationMs: 0 }), startLocalCloud()]);
    });
    after(async () => {
        clients.forEach((client) => client.destroy());
        await Promise.all([cloud.stop(), other.stop()]);
    });

    const clientOf = (of: LocalCloud, region?: string): EC2Client => {
        const client = new EC2Client(of.clientConfig(region === undefined ? {} : { region }));
        clients.push(client);
        return client;
    };

    it("is restored in another cloud as it was, under the same ids", async () => {
        const ec2 = clientOf(cloud);
        const away = clientOf(cloud, AWAY);
        const { instanceId } = await cloud.createInstance({
            platform: "windows",
            state: "stopped",
            volumes: [{}, { type: "io2", iops: 500, encrypted: true, deleteOnTermination: true }],
            tags: { Name: "db" },
            productCodes: ["a-code"],
            consoleOutput: "a line",
        });
        const { ImageId } = await ec2.send(
            new CreateImageCommand({ InstanceId: instanceId, Name: "an image" }),
        );
        await away.send(
            new CopyImageCommand({ SourceImageId: ImageId, SourceRegion: cloud.region, Name: "a copy" }),
        );
        await away.send(
            new CreateLaunchTemplateCommand({
                LaunchTemplateName: "a template",
                LaunchTemplateData: { InstanceType: "m5.large" },
            }),
        );
        await cloud.configureSnapshots({ durationMs: 86_400_000 });
        const { Snapshots: [pending] = [] } = await ec2.send(
            new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
        );

        const inventory = await cloud.inventory();
        expect(JSON.stringify(inventory)).to.include(instanceId).and.to.include(ImageId);
        await other.restore(inventory);
        expect(await other.inventory()).to.deep.equal(inventory);

        const SnapshotIds = [pending?.SnapshotId ?? ""];
        const stateThere = async (): Promise<unknown> =>
            (await clientOf(other).send(new DescribeSnapshotsCommand({ SnapshotIds }))).Snapshots?.[0]?.State;
        expect(await stateThere()).to.equal("pending");
        await other.completeSnapshots(SnapshotIds);
        expect(await stateThere()).to.equal("completed");
    });
});
