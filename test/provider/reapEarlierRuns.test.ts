import { CreateSnapshotsCommand, EC2Client, RegisterImageCommand } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { ownerTag, tagKeys } from "../../provider/aws/tags";
import type { SnapshotInputs } from "../../provider/inputs";
import { configure, create, diff } from "../../provider/lifecycle";
import { CapturedLog } from "../support/capturedLog";
import type { CloudInstance, LocalCloud } from "../support/localCloud";
import { sharedCloud, useCloud } from "../support/sharedCloud";

const MINUTE = 60_000;

describe("what earlier runs left", () => {
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let instance: CloudInstance;
    let log: CapturedLog;
    let restore: () => void;
    let inputs: SnapshotInputs & { owner: string };
    let count = 0;

    before(async () => {
        cloud = await sharedCloud();
        ec2 = new EC2Client(cloud.clientConfig());
        restore = useCloud(cloud);
        configure(new Map<string, string>());
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

    after(() => {
        ec2.destroy();
        restore();
    });

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
        const there = new Set((await cloud.snapshots()).map((snapshot) => snapshot.snapshotId));
        expect([...outs.snapshotIds].every((id) => there.has(id))).to.equal(true);
        return snapshotIds.filter((id) => there.has(id));
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

    it("stays when an image uses it by now", async () => {
        const set = await left(60);
        await ec2.send(
            new RegisterImageCommand({
                Name: set.executionId,
                RootDeviceName: "/dev/sda1",
                BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: set.snapshotIds[0] } }],
            }),
        );
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
        const olds = { instanceId: instance.instanceId, snapshotIds: set.snapshotIds };
        diff(set.executionId, olds as never, inputs);
        expect(await afterCreate(set)).to.deep.equal(set.snapshotIds);
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
