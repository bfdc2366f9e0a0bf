import {
    CreateSnapshotCommand,
    DescribeLockedSnapshotsCommand,
    EC2Client,
    LockSnapshotCommand,
    type LockSnapshotCommandInput,
    UnlockSnapshotCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud } from "../../../lab/cloud/sharedCloud";
import { rejection } from "../../../lab/rejection";

describe("local cloud, locks of snapshots", () => {
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let SnapshotId = "";

    before(async () => {
        cloud = await sharedCloud();
        ec2 = new EC2Client(cloud.clientConfig());
    });
    beforeEach(async () => {
        const { rootVolumeId, instanceId } = await cloud.createInstance({ volumes: 1 });
        await cloud.configureSnapshots({ durationMs: 0 }, instanceId);
        ({ SnapshotId = "" } = await ec2.send(new CreateSnapshotCommand({ VolumeId: rootVolumeId })));
    });
    afterEach(() => cloud.reset());
    after(() => ec2.destroy());

    type How = Omit<LockSnapshotCommandInput, "SnapshotId">;
    const lock = (how: How) => ec2.send(new LockSnapshotCommand({ SnapshotId, ...how }));
    const unlock = () => ec2.send(new UnlockSnapshotCommand({ SnapshotId }));
    const stateOf = async () => {
        const { Snapshots = [] } = await ec2.send(
            new DescribeLockedSnapshotsCommand({ SnapshotIds: [SnapshotId] }),
        );
        return Snapshots[0]?.LockState;
    };
    const nameOf = async (work: Promise<unknown>) => (await rejection(work)).name;

    const refused: [what: string, how: How][] = [
        ["no duration", { LockMode: "governance" }],
        [
            "both durations",
            { LockMode: "governance", LockDuration: 1, ExpirationDate: new Date(Date.now() + 1e9) },
        ],
        ["governance that cools off", { LockMode: "governance", LockDuration: 1, CoolOffPeriod: 1 }],
        ["too long a cooling-off", { LockMode: "compliance", LockDuration: 1, CoolOffPeriod: 73 }],
        ["another mode", { LockMode: "total" as "governance", LockDuration: 1 }],
    ];
    for (const [what, how] of refused) {
        it(`refuses ${what}`, async () => {
            expect(await nameOf(lock(how))).to.match(/^InvalidParameter/);
            expect(await stateOf()).to.equal(undefined);
        });
    }

    it("in compliance mode can be changed while it cools off, and then only be extended", async () => {
        await lock({ LockMode: "compliance", LockDuration: 3, CoolOffPeriod: 24 });
        expect(await stateOf()).to.equal("compliance-cooloff");
        await lock({ LockMode: "compliance", LockDuration: 2, CoolOffPeriod: 24 });
        await cloud.passTimeOfLocks(25);
        expect(await stateOf()).to.equal("compliance");
        expect(await nameOf(unlock())).to.equal("OperationNotPermitted");
        expect(await nameOf(lock({ LockMode: "governance", LockDuration: 9 }))).to.equal(
            "OperationNotPermitted",
        );
        expect(await nameOf(lock({ LockMode: "compliance", ExpirationDate: new Date() }))).to.equal(
            "OperationNotPermitted",
        );
        await lock({ LockMode: "compliance", LockDuration: 9 });
        await cloud.passTimeOfLocks(9 * 24 + 1);
        expect(await stateOf()).to.equal("expired");
        await unlock();
        expect(await stateOf()).to.equal(undefined);
    });
});
