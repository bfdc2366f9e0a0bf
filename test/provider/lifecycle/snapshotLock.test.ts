import {
    EC2Client,
    LockSnapshotCommand,
    type LockSnapshotCommandInput,
    RegisterImageCommand,
    UnlockSnapshotCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { startCloudScene } from "../../../lab/scenes/cloudScene";
import { rejection } from "../../../lab/rejection";
import { create, read, remove, update } from "../../../lab/scenes/lifecycle";
import { tagKeys } from "../../../provider/aws/tags";
import { setTags } from "../../../provider/aws/setTags";
import { timing } from "../../../provider/base/timing";
import { clientsFor } from "../../../provider/aws/clients";

const DAY = 24;

describe("a set that somebody has locked", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let instance: CloudInstance;
    let log: CapturedLog;
    let stop: () => void;

    before(async () => {
        ({ cloud, ec2, stop } = await startCloudScene());
    });
    beforeEach(async () => {
        instance = await cloud.createInstance({ volumes: 3 });
        await cloud.configureSnapshots({ durationMs: 0 });
        await cloud.clearCalls();
        log = new CapturedLog();
        timing.imageGoneMs = 300;
    });
    afterEach(async () => {
        log.restore();
        Object.assign(timing, usual);
        await cloud.reset();
        await cloud.deleteSnapshots(await left());
    });
    after(() => stop());

    const inputs = (changes: object = {}) => ({
        instanceId: instance.instanceId,
        quiesce: { method: "none" as const },
        owner: `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::${instance.instanceId}`,
        ...changes,
    });
    const left = async () => (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId);
    const deletions = async () => (await cloud.calls()).filter((call) => call.operation === "DeleteSnapshot");
    const lock = async (SnapshotId: string, how: Omit<LockSnapshotCommandInput, "SnapshotId">) =>
        await ec2.send(new LockSnapshotCommand({ SnapshotId, ...how }));

    const GOVERNANCE = { LockMode: "governance", LockDuration: 1 } as const;
    const COMPLIANCE = { LockMode: "compliance", LockDuration: 2 } as const;
    const COOLING_OFF = { ...COMPLIANCE, CoolOffPeriod: 12 } as const;

    const rows = [
        [
            "in governance mode",
            GOVERNANCE,
            /\(governance mode, until \d{4}-.*Z\).*take them off.*unlock-snapshot/,
        ],
        ["in compliance mode", COMPLIANCE, /\(compliance mode, until \d{4}-.*Z\).*nobody can take off/],
        [
            "and it cools off",
            COOLING_OFF,
            /\(compliance mode, until .*Z, cooling off until .*Z\).*take them off/,
        ],
    ] as const;
    for (const [what, how, words] of rows) {
        it(`${what} is kept as a whole: what is locked, until when, what to do`, async () => {
            const { id, outs } = await create(inputs());
            const [, data = ""] = outs.snapshotIds;
            await lock(data, how);
            const { message } = await rejection(remove(id, outs));
            expect(message).to.match(
                /^SNAPSHOT_LOCKED: Snapshot Lock keeps snap-.*nothing was deleted.*retainOnDelete/,
            );
            expect(message).to.match(words);
            expect(message).to.contain(data);
            expect(await left()).to.have.members(outs.snapshotIds);
            expect(await deletions()).to.deep.equal([]);
        });
    }

    it("can be deleted when the lock has expired, or was taken off", async () => {
        const { id, outs } = await create(inputs());
        const [first = "", second = ""] = outs.snapshotIds;
        await lock(first, COMPLIANCE);
        await lock(second, GOVERNANCE);
        await cloud.passTimeOfLocks(2 * DAY + 1);
        await lock(second, GOVERNANCE);
        await ec2.send(new UnlockSnapshotCommand({ SnapshotId: second }));
        await remove(id, outs);
        expect(await left()).to.deep.equal([]);
    });

    it("while it is pending: its days have not begun", async () => {
        await cloud.configureSnapshots({ durationMs: 60_000 });
        const { id, outs } = await create(inputs({ waitForCompletion: false }));
        await lock(outs.snapshotIds[0]!, GOVERNANCE);
        expect((await rejection(remove(id, outs))).message).to.match(
            /governance mode, for 1 day from its completion on/,
        );
        await cloud.completeSnapshots([outs.snapshotIds[0]!]);
    });

    it("is read, refreshed and given tags like any other", async () => {
        const { id, outs } = await create(inputs());
        await lock(outs.snapshotIds[0]!, COMPLIANCE);
        expect((await read(id, outs)).props).to.deep.equal(outs);
        expect((await read(id, {})).props.lost).to.deep.equal([]);
        await update(id, outs, inputs({ tags: { team: "shop" } }));
        expect((await cloud.snapshots(instance)).map(({ tags }) => tags["team"])).to.deep.equal(
            outs.snapshotIds.map(() => "shop"),
        );
    });

    it("is told of beside one of which a part is gone already", async () => {
        const { id, outs } = await create(inputs());
        await cloud.deleteSnapshots([outs.snapshotIds[1]!]);
        await lock(outs.snapshotIds[2]!, GOVERNANCE);
        expect((await rejection(remove(id, outs))).message).to.match(/^SNAPSHOT_LOCKED/);
        expect(await deletions()).to.deep.equal([]);
    });

    it("that an image uses, too, is told by the image first", async () => {
        const { id, outs } = await create(inputs());
        const [boot = ""] = outs.snapshotIds;
        await lock(boot, GOVERNANCE);
        await ec2.send(
            new RegisterImageCommand({
                Name: `image-${id}`,
                RootDeviceName: "/dev/sda1",
                BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: boot } }],
            }),
        );
        expect((await rejection(remove(id, outs))).message).to.match(/^SNAPSHOT_IN_USE/);
    });

    describe("where the caller may not ask for locks, as with policies of earlier releases", () => {
        beforeEach(() => cloud.deny("DescribeLockedSnapshots"));

        it("deletes what is not locked as before", async () => {
            const { id, outs } = await create(inputs());
            await remove(id, outs);
            expect(await left()).to.deep.equal([]);
        });

        it("tells what AWS says of the boot volume's, and leaves the set whole", async () => {
            const { id, outs } = await create(inputs());
            await lock(outs.snapshotIds[0]!, GOVERNANCE);
            expect((await rejection(remove(id, outs))).message).to.match(
                /^AWS_ERROR.*is locked and cannot be deleted/,
            );
            expect(await left()).to.have.members(outs.snapshotIds);
        });
    });

    for (const code of ["OperationNotPermitted", "UnauthorizedOperation", "SomethingNew"]) {
        it(`is found by its lock when AWS refuses with ${code}`, async () => {
            const { id, outs } = await create(inputs());
            const [boot = ""] = outs.snapshotIds;
            // Locked between the look and the deletion.
            const deletion = await cloud.gate("DeleteSnapshot", { resource: boot });
            await cloud.fault(
                "DeleteSnapshot",
                { kind: "error", code, status: 400, message: "no" },
                { resource: boot },
            );
            const removing = rejection(remove(id, outs));
            await deletion.reached();
            await lock(boot, GOVERNANCE);
            await deletion.release();
            const { message } = await removing;
            expect(message).to.match(new RegExp(`^SNAPSHOT_LOCKED.*${boot} \\(governance mode`));
            expect(await left()).to.have.members(outs.snapshotIds);
        });
    }

    it("that a run which died has left is named and left alone by the next", async () => {
        const { id, outs } = await create(inputs());
        const abandoned = { [tagKeys.state]: "in-progress", [tagKeys.lease]: "2020-01-01T00:00:00.000Z" };
        await setTags(await clientsFor(), outs.snapshotIds, abandoned, AbortSignal.timeout(10_000));
        await lock(outs.snapshotIds[1]!, GOVERNANCE);
        await create(inputs());
        expect(log.lines.join("\n")).to.match(
            new RegExp(`abandoned set ${id} .* is locked \\(Snapshot Lock\\)`),
        );
        expect(await left()).to.include.members(outs.snapshotIds);
    });
});
