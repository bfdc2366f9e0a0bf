import { CreateSnapshotCommand, EC2Client } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { clientsFor } from "../../../provider/aws/clients";
import { deleteUnknownSet } from "../../../provider/aws/deleteSet";
import { tagKeys } from "../../../provider/aws/tags";
import { timing } from "../../../provider/base/timing";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

describe("deleteUnknownSet", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let restore: () => void;
    let sets = 0;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        ec2 = new EC2Client(cloud.clientConfig());
    });
    afterEach(async () => {
        Object.assign(timing, usual);
        await cloud.reset();
    });
    after(() => {
        ec2.destroy();
        restore();
    });

    async function take(executionId: string, volumeId: string): Promise<void> {
        const Tags = [{ Key: tagKeys.execution, Value: executionId }];
        const TagSpecifications = [{ ResourceType: "snapshot" as const, Tags }];
        await ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId, TagSpecifications }));
    }

    const lines: string[] = [];
    beforeEach(() => (lines.length = 0));

    const remove = async (executionId: string, volumes: number) =>
        await deleteUnknownSet(await clientsFor(), executionId, volumes, {
            log: (line) => void lines.push(line),
            signal: AbortSignal.timeout(60_000),
        });

    it("waits for the snapshots of all volumes: they are not seen all at once", async () => {
        const executionId = `acs-unknown-${(sets += 1)}`;
        const instance = await cloud.createInstance({ volumes: 2 });
        const [first = "", second = ""] = instance.volumeIds;
        await take(executionId, first);
        timing.visibleMs = 30_000;
        const looks = await cloud.fault("DescribeSnapshots", { kind: "delay", ms: 1 }, { times: null });
        const deleting = remove(executionId, 2);
        // When it looks anew, it has had an answer without the second.
        await looks.reached({ count: 2 });
        await take(executionId, second);
        await deleting;
        expect(lines).to.deep.equal(["looking for a set that EC2 may have made, to delete it"]);
        expect(await cloud.snapshots(instance)).to.deep.equal([]);
    });

    it("deletes what it has seen when it was not all in time", async () => {
        const executionId = `acs-unknown-${(sets += 1)}`;
        const instance = await cloud.createInstance({ volumes: 2 });
        await take(executionId, instance.rootVolumeId);
        timing.visibleMs = 600;
        await remove(executionId, 2);
        expect(await cloud.snapshots(instance)).to.deep.equal([]);
    });
});
