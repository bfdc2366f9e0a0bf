import {
    CreateSnapshotsCommand,
    CreateTagsCommand,
    DeregisterImageCommand,
    DisableImageCommand,
    EC2Client,
    RegisterImageCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { clientsFor } from "../../../provider/aws/clients";
import { ownerTag, tagKeys } from "../../../provider/aws/tags";
import type { SnapshotInputs } from "../../../provider/inputs/inputs";
import { create, diff } from "../../../lab/scenes/lifecycle";
import { reapEarlierRuns } from "../../../provider/run/reapEarlierRuns";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { startCloudScene } from "../../../lab/scenes/cloudScene";
import { runOf } from "../../../lab/scenes/run";

const MINUTE = 60_000;

describe("what earlier runs left", () => {
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let instance: CloudInstance;
    let log: CapturedLog;
    let stop: () => void;
    let inputs: SnapshotInputs & { owner: string };
    let count = 0;

    before(async () => {
        ({ cloud, ec2, stop } = await startCloudScene());
    });

    beforeEach(async () => {
        instance = await cloud.createInstance({ volumes: 2 });
        await cloud.configureSnapshots({ durationMs: 0 });
        log = new CapturedLog();
        inputs = {
            instanceId: instance.instanceId,
            quiesce: { method: "none" },
            owner: `urn:pulumi:dev::shop::ec2:AppConsistentSnapshot::reaper-${(count += 1)}`,
        };
    });

    afterEach(async () => {
        log.restore();
        await cloud.reset();
    });

    after(() => stop());

    /** A set as a run that died has left it, `minutes` after its lease ran out. */
    async function left(
        minutes: number,
        { owner = inputs.owner, state = "in-progress", of: { instanceId } = instance } = {},
    ): Promise<{ executionId: string; snapshotIds: string[] }> {
        const executionId = `acs-left-${(count += 1)}`;
        const tags = {
            [tagKeys.execution]: executionId,
            [tagKeys.owner]: ownerTag(owner),
            [tagKeys.instance]: instanceId,
            [tagKeys.state]: state,
            [tagKeys.lease]: new Date(Date.now() - minutes * MINUTE).toISOString(),
        };
        const { Snapshots = [] } = await ec2.send(
            new CreateSnapshotsCommand({
                InstanceSpecification: { InstanceId: instanceId },
                TagSpecifications: [
                    {
                        ResourceType: "snapshot",
                        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
                    },
                ],
            }),
        );
        return { executionId, snapshotIds: Snapshots.map((snapshot) => snapshot.SnapshotId!) };
    }

    /** Which of a set's snapshots are still there after the next create, which must succeed. */
    async function afterCreate({ snapshotIds }: { snapshotIds: string[] }): Promise<string[]> {
        const { outs } = await create(inputs);
        const own = [...outs.snapshotIds];
        expect(await stillThere({ snapshotIds: own })).to.deep.equal(own);
        return await stillThere({ snapshotIds });
    }

    async function stillThere({ snapshotIds }: { snapshotIds: string[] }): Promise<string[]> {
        const there = new Set((await cloud.snapshots()).map((snapshot) => snapshot.snapshotId));
        return snapshotIds.filter((id) => there.has(id));
    }

    /** As the engine makes it known: by what it calls before `create`. */
    function know({ executionId, snapshotIds }: { executionId: string; snapshotIds: string[] }): void {
        diff(executionId, { instanceId: instance.instanceId, snapshotIds } as never, inputs);
    }

    it("is deleted by the next create when its lease ran out long ago, and told of", async () => {
        const set = await left(11);
        expect(await afterCreate(set)).to.deep.equal([]);
        expect(log.lines.join("\n")).to.include(`deleting the abandoned set ${set.executionId}`);
    });

    it("is deleted too when the owner's URN is too long for a tag", async () => {
        inputs = { ...inputs, owner: `urn:pulumi:dev::shop::${"pkg:index:Component$".repeat(20)}::long` };
        expect(await afterCreate(await left(11))).to.deep.equal([]);
    });

    it("is deleted too when the owner's name has what filters give a meaning", async () => {
        inputs = { ...inputs, owner: `${inputs.owner}-*?\\` };
        expect(await afterCreate(await left(11))).to.deep.equal([]);
    });

    it("stays while its lease may be renewed", async () => {
        for (const minutes of [9, -5]) {
            const set = await left(minutes);
            expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        }
    });

    async function imageOf(set: { executionId: string; snapshotIds: string[] }): Promise<string> {
        const { ImageId } = await ec2.send(
            new RegisterImageCommand({
                Name: set.executionId,
                RootDeviceName: "/dev/sda1",
                BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: set.snapshotIds[0] } }],
            }),
        );
        return ImageId!;
    }

    it("is deleted too when an image on it was deregistered a moment ago, and EC2 has not let go of it", async () => {
        const set = await left(60);
        const ImageId = await imageOf(set);
        await cloud.letImagesLinger({ holdsMs: 1_500 });
        await ec2.send(new DeregisterImageCommand({ ImageId }));
        expect(await afterCreate(set)).to.deep.equal([]);
    });

    it("stays when a disabled image uses it by now", async () => {
        const set = await left(60);
        await ec2.send(new DisableImageCommand({ ImageId: await imageOf(set) }));
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        expect(log.lines.join("\n")).to.match(/warning: .*used by an image and was left alone/);
    });

    it("stays when an image uses it by now", async () => {
        const set = await left(60);
        await imageOf(set);
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        expect(log.lines.join("\n")).to.match(/warning: .*used by an image and was left alone/);
    });

    it("is named but never deleted when it is complete and the stack does not know it", async () => {
        const set = await left(10_000, { state: "complete" });
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        expect(log.lines.join("\n")).to.match(
            new RegExp(`warning: .*does not manage its earlier set ${set.executionId} \\(snap-.*by hand`),
        );
    });

    it("is not mentioned when the stack knows it: a replacement", async () => {
        const { id, outs } = await create(inputs);
        log.lines.length = 0;
        expect(diff(id, outs, { ...inputs, triggers: ["tonight"] }).replaces).to.deep.equal(["triggers"]);
        expect(await afterCreate({ snapshotIds: [...outs.snapshotIds] })).to.deep.equal(outs.snapshotIds);
        expect(log.lines.join("\n")).not.to.include(id);
    });

    it("stays, even abandoned, when the stack knows it: an init error's set", async () => {
        const set = await left(60);
        know(set);
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
    });

    it("is tagged complete when the stack knows it: once it is retained, no later run may take it for abandoned", async () => {
        const set = await left(60);
        know(set);
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        for (const { snapshotId, tags } of await cloud.snapshots(instance)) {
            expect(tags, snapshotId).to.have.property(tagKeys.state, "complete");
        }
        // A later process, when the resource was replaced and its set retained.
        const lines: string[] = [];
        await reapEarlierRuns([
            runOf({
                executionId: "acs-later",
                inputs,
                clients: await clientsFor(undefined, {}),
                log: (line) => lines.push(line),
                signal: AbortSignal.timeout(30_000),
            }),
        ]);
        expect(await stillThere(set)).to.deep.equal(set.snapshotIds);
        expect(lines.join("\n")).to.include(`does not manage its earlier set ${set.executionId}`);
    });

    it("is deleted only when there is a new set: not by a run that fails", async () => {
        const set = await left(60);
        await cloud.fault("CreateSnapshots", { kind: "error", code: "SnapshotLimitExceeded" });
        expect((await rejection(create(inputs))).message).to.match(/^SNAPSHOT_REFUSED/);
        expect(await stillThere(set)).to.deep.equal(set.snapshotIds);

        await cloud.reset();
        await cloud.clearCalls();
        expect(await afterCreate(set)).to.deep.equal([]);
        const operations = (await cloud.calls()).filter((call) => !call.dryRun).map((call) => call.operation);
        expect(operations.indexOf("DeleteSnapshot")).to.be.greaterThan(operations.indexOf("CreateSnapshots"));
    });

    it("is never the run's own set, whatever its lease", async () => {
        // The lease of the set ran out while it was being taken, as after a very long installation.
        const gate = await cloud.gate("DescribeSnapshots", { resource: inputs.owner, skip: 1 });
        const running = create(inputs);
        running.catch(() => undefined);
        await gate.reached();
        const own = (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId);
        const Tags = [{ Key: tagKeys.lease, Value: new Date(Date.now() - 60 * MINUTE).toISOString() }];
        await ec2.send(new CreateTagsCommand({ Resources: own, Tags }));
        await gate.release();
        expect([...(await running).outs.snapshotIds].sort()).to.deep.equal(own.sort());
        expect(await stillThere({ snapshotIds: own })).to.deep.equal(own);
    });

    it("of another resource is not touched, nor is one whose name is only like it", async () => {
        for (const owner of ["urn:pulumi:dev::shop::ec2:AppConsistentSnapshot::other", `${inputs.owner}0`]) {
            const set = await left(60, { owner });
            expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
            expect(log.lines.join("\n")).not.to.include(set.executionId);
        }
    });

    it("of another resource is not touched when this one's name has a wildcard", async () => {
        const set = await left(60, { owner: `${inputs.owner}-abc` });
        inputs = { ...inputs, owner: `${inputs.owner}-*` };
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
    });

    it("of another instance is not touched", async () => {
        const other = await cloud.createInstance({ volumes: 1 });
        const set = await left(60, { of: other });
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
    });

    it("does not stop a run that cannot delete it", async () => {
        const set = await left(60);
        await cloud.deny("DeleteSnapshot", { dryRun: false });
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
        expect(log.lines.join("\n")).to.match(
            /warning: could not look for what earlier runs left: .*ACCESS_DENIED/,
        );
    });

    it("is not looked for by a run that has no owner", async () => {
        const set = await left(60);
        const { owner: _, ...others } = inputs;
        inputs = others as typeof inputs;
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
    });
});
