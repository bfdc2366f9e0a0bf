import { EC2Client, RestoreSnapshotFromRecycleBinCommand } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { startCloudScene } from "../../../lab/scenes/cloudScene";
import { rejection } from "../../../lab/rejection";
import { create, read, remove } from "../../../lab/scenes/lifecycle";
import { clientsFor } from "../../../provider/aws/clients";
import { deleteSet } from "../../../provider/aws/deleteSet";
import { setTags } from "../../../provider/aws/setTags";
import { tagKeys } from "../../../provider/aws/tags";
import { timing } from "../../../provider/base/timing";
import { diffOf } from "../../../provider/lifecycle/diff";

/** When Describe shows what is in the bin is not documented: both have to do. */
for (const shows of [false, true]) {
    describe(`a set in the Recycle Bin, ${shows ? "shown as recoverable" : "not shown"}`, () => {
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
            instance = await cloud.createInstance({ volumes: 2 });
            await cloud.configureSnapshots({ durationMs: 0 });
            await cloud.retainInRecycleBin({ shows });
            log = new CapturedLog();
            Object.assign(timing, { visibleMs: 1_500, imageGoneMs: 300 });
        });
        afterEach(async () => {
            log.restore();
            Object.assign(timing, usual);
            await cloud.reset();
            await cloud.deleteSnapshots(
                (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId),
            );
        });
        after(() => stop());

        const inputs = () => ({
            instanceId: instance.instanceId,
            quiesce: { method: "none" as const },
            owner: `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::${instance.instanceId}`,
        });
        const usable = async () =>
            (await cloud.snapshots(instance)).flatMap(({ snapshotId, state }) =>
                state === "recoverable" ? [] : [snapshotId],
            );
        const throwAway = async (SnapshotId: string) => {
            await deleteSet(await clientsFor(), "acs-of-nobody", [SnapshotId], {
                log: () => undefined,
                signal: AbortSignal.timeout(10_000),
            });
        };
        const bringBack = async (SnapshotId: string) =>
            await ec2.send(new RestoreSnapshotFromRecycleBinCommand({ SnapshotId }));

        it("is deleted: what a retention rule keeps is done, also a second time", async () => {
            const { id, outs } = await create(inputs());
            await remove(id, outs);
            expect(await usable()).to.deep.equal([]);
            await remove(id, outs);
        });

        it("in part is lost, and whole again when it was restored: nothing is replaced", async () => {
            const { id, outs } = await create(inputs());
            const [, data = ""] = outs.snapshotIds;
            await throwAway(data);
            const { props: lacking } = await read(id, outs);
            expect(lacking.lost.join()).to.contain(`${data} was deleted`);
            expect(lacking.consistencyLevel).to.equal("crash");
            expect(log.lines.join("\n")).to.match(/warning: a part of acs-.* is lost: snap-/);
            expect((await read(id, lacking)).props).to.deep.equal(lacking);
            expect(diffOf(lacking, inputs()).replaces).to.deep.equal(["snapshotIds"]);
            expect((await read(id, {})).props).to.include({ consistencyLevel: "crash" });

            await cloud.retainInRecycleBin({ shows, recoveringMs: 60_000 });
            await bringBack(data);
            const { props: whole } = await read(id, lacking);
            expect(whole).to.deep.equal(outs);
            expect(diffOf(whole, inputs()).changes).to.equal(false);
            expect((await read(id, {})).props).to.deep.include({ lost: [] });
        });

        it("that is on its way out is waited for when it is to be deleted", async () => {
            const { id, outs } = await create(inputs());
            const [boot = ""] = outs.snapshotIds;
            await throwAway(boot);
            await cloud.retainInRecycleBin({ shows, recoveringMs: 400 });
            await bringBack(boot);
            timing.visibleMs = 10_000;
            await remove(id, outs);
            expect(await usable()).to.deep.equal([]);
        });

        it("that stays on its way out is told in AWS's words, and the set is left whole", async () => {
            const { id, outs } = await create(inputs());
            const [boot = ""] = outs.snapshotIds;
            await throwAway(boot);
            await cloud.retainInRecycleBin({ shows, recoveringMs: 60_000 });
            await bringBack(boot);
            expect((await rejection(remove(id, outs))).message).to.match(/^AWS_ERROR.*being recovered/);
            expect(await usable()).to.have.members(outs.snapshotIds);
        });

        it("of a run that died is neither deleted again nor named", async () => {
            const { id, outs } = await create(inputs());
            const abandoned = { [tagKeys.state]: "in-progress", [tagKeys.lease]: "2020-01-01T00:00:00.000Z" };
            await setTags(await clientsFor(), outs.snapshotIds, abandoned, AbortSignal.timeout(10_000));
            await remove(id, outs);
            await create(inputs());
            expect(log.lines.join("\n")).not.to.contain(id);
        });
    });
}
