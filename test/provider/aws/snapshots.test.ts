import { CreateSnapshotsCommand, type DescribeSnapshotsCommandInput } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { clientsFor } from "../../../provider/aws/clients";
import { describeSnapshots, setProblem } from "../../../provider/aws/snapshots";
import type { CreatedSet } from "../../../provider/aws/createSnapshots";

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

describe("describeSnapshots", () => {
    it("asks for pages, and reads all of them", async () => {
        const cloud = await sharedCloud();
        const restore = useCloud(cloud);
        try {
            const { ec2, ...clients } = await clientsFor();
            const asked: unknown[] = [];
            // Simulated: EC2's pages are of a thousand.
            ec2.middlewareStack.add(
                (next) => async (args) => {
                    const input = args.input as DescribeSnapshotsCommandInput;
                    asked.push(input.MaxResults);
                    input.MaxResults = 2;
                    return await next(args);
                },
                { step: "initialize" },
            );
            const { instanceId } = await cloud.createInstance({ volumes: 3 });
            const { Snapshots = [] } = await ec2.send(
                new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
            );
            asked.length = 0;
            const ids = Snapshots.flatMap(({ SnapshotId }) => SnapshotId ?? []);
            const found = await describeSnapshots({ ...clients, ec2 }, ids, AbortSignal.timeout(10_000));
            expect(found.map(({ SnapshotId }) => SnapshotId)).to.have.members(ids);
            expect(asked[0]).to.equal(1_000);
            expect(asked).to.have.length(2);
        } finally {
            restore();
        }
    });
});
