import { CreateSnapshotCommand, EC2Client } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { clientsFor } from "../../../provider/aws/clients";
import { deleteUnknownSet, setProblem } from "../../../provider/aws/snapshots";
import { tagKeys } from "../../../provider/aws/tags";
import type { CreatedSet } from "../../../provider/aws/createSnapshots";
import { timing } from "../../../provider/base/timing";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";

const TIME = "2026-01-01T00:00:00.000Z";
const set = (...volumes: string[]): CreatedSet => ({
    snapshots: volumes.map((volumeId, index) => ({ snapshotId: `snap-${index}`, volumeId, startTime: TIME })),
    requestedAt: TIME,
    returnedAt: TIME,
    apiMs: 1,
});

describe("setProblem", () => {
    const rows: [
        what: string,
        CreatedSet,
        expected: string[],
        tagged: string[] | undefined,
        code?: string,
    ][] = [
        ["the very set", set("vol-a", "vol-b"), ["vol-a", "vol-b"], ["vol-a", "vol-b"]],
        ["in another order", set("vol-b", "vol-a"), ["vol-a", "vol-b"], ["vol-b", "vol-a"]],
        ["a volume came", set("vol-a", "vol-b"), ["vol-a"], ["vol-a", "vol-b"], "VOLUMES_CHANGED"],
        ["a volume went", set("vol-a"), ["vol-a", "vol-b"], ["vol-a"], "VOLUMES_CHANGED"],
        ["a volume is another", set("vol-c"), ["vol-a"], ["vol-c"], "VOLUMES_CHANGED"],
        ["an empty answer", set(), ["vol-a"], [], "VOLUMES_CHANGED"],
        ["two of one volume", set("vol-a", "vol-a"), ["vol-a"], ["vol-a", "vol-a"], "DUPLICATE_SNAPSHOTS"],
        ["two of one volume, one tagged", set("vol-a", "vol-a"), ["vol-a"], ["vol-a"], "DUPLICATE_SNAPSHOTS"],
        [
            "two of one, none of another",
            set("vol-a", "vol-a"),
            ["vol-a", "vol-b"],
            undefined,
            "VOLUMES_CHANGED",
        ],
        ["never seen", set("vol-a"), ["vol-a"], undefined, "SNAPSHOT_OUTCOME_UNKNOWN"],
        ["a second set", set("vol-a"), ["vol-a"], ["vol-a", "vol-a"], "DUPLICATE_SNAPSHOTS"],
        ["a foreign one", set("vol-a"), ["vol-a"], ["vol-a", "vol-z"], "DUPLICATE_SNAPSHOTS"],
    ];
    for (const [what, created, expected, tagged, code] of rows) {
        it(`${what}: ${code ?? "no problem"}`, () => {
            expect(setProblem(created, expected, tagged)?.code).to.equal(code);
        });
    }
});

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

    const lines: string[] = [];
    beforeEach(() => (lines.length = 0));

    async function take(executionId: string, volumeId: string): Promise<void> {
        const Tags = [{ Key: tagKeys.execution, Value: executionId }];
        const TagSpecifications = [{ ResourceType: "snapshot" as const, Tags }];
        await ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId, TagSpecifications }));
    }

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
