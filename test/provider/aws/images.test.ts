import {
    CreateSnapshotCommand,
    type DescribeImagesCommandOutput,
    DeregisterImageCommand,
    RegisterImageCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type Clients, clientsFor } from "../../../provider/aws/clients";
import { waitForImage } from "../../../provider/aws/images";
import { SetLostError } from "../../../provider/aws/setLostError";
import { timing } from "../../../provider/base/timing";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

describe("waitForImage", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let clients: Clients;
    let restore: () => void;
    let lines: string[];
    let imageId: string;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        clients = await clientsFor();
    });
    beforeEach(async () => {
        const { instanceId, rootVolumeId } = await cloud.createInstance({ volumes: 1 });
        await cloud.configureSnapshots({ durationMs: 0 }, instanceId);
        const { SnapshotId } = await clients.ec2.send(new CreateSnapshotCommand({ VolumeId: rootVolumeId }));
        const { ImageId = "" } = await clients.ec2.send(
            new RegisterImageCommand({
                Name: `image-of-${SnapshotId ?? ""}`,
                RootDeviceName: "/dev/sda1",
                BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId } }],
            }),
        );
        imageId = ImageId;
        lines = [];
    });
    afterEach(async () => {
        clients.ec2.middlewareStack.remove("lagging replica");
        Object.assign(timing, usual);
        await cloud.reset();
    });
    after(() => restore());

    const wait = () =>
        waitForImage(clients, imageId, {
            log: (line) => void lines.push(line),
            deadline: performance.now() + 40_000,
            signal: AbortSignal.timeout(50_000),
        });

    it("goes on when one answer lacks the image", async () => {
        let answers = 0;
        // Simulated: the first answer comes from a replica that has not heard of it.
        clients.ec2.middlewareStack.add(
            (next) => async (args) => {
                const result = await next(args);
                if ((answers += 1) === 1) {
                    (result.output as DescribeImagesCommandOutput).Images = [];
                }
                return result;
            },
            { step: "initialize", name: "lagging replica" },
        );
        await wait();
        expect(answers).to.equal(2);
        expect(lines).to.deep.equal([`waiting for the image ${imageId}, which is not shown yet`]);
    });

    it("ends when no answer has had it for long: the set is lost, and not a snapshot of it failed", async () => {
        await clients.ec2.send(new DeregisterImageCommand({ ImageId: imageId }));
        timing.visibleMs = 1_000;
        const error = await rejection<SetLostError>(wait());
        expect(error).to.be.instanceOf(SetLostError);
        expect(error.lost).to.deep.equal([`${imageId} was deregistered`]);
    });
});
