import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { importCommand } from "../../cli/importCommand";
import type { ImportFile } from "../../cli/importFile";
import { UsageError } from "../../cli/usageError";
import { CapturedLog } from "../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../lab/cloud/localCloud";
import { startCloudScene } from "../../lab/scenes/cloudScene";
import { rejection } from "../../lab/rejection";
import { create } from "../../lab/scenes/lifecycle";
import { ownerTag, tagKeys } from "../../provider/aws/tags";

const ID = "acs-01a22efa-06ed-7a18-9c9f-53cd729ea3bc";
const PARENT = "urn:pulumi:dev::shop::test:index:Backup::backup";
const OWNER = "urn:pulumi:dev::shop::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::nightly";

describe("the command import", () => {
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
        log = new CapturedLog();
    });
    afterEach(async () => {
        log.restore();
        await cloud.reset();
    });
    after(() => stop());

    const take = async (owner?: string) => {
        const inputs = { instanceId: instance.instanceId, quiesce: { method: "none" as const } };
        return await create({ ...inputs, ...(owner === undefined ? {} : { owner }) });
    };
    const tag = async (ids: readonly string[], tags: Readonly<Record<string, string>>) => {
        const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        await ec2.send(new CreateTagsCommand({ Resources: [...ids], Tags }));
    };
    const fileOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as ImportFile;

    it("prints what the tags prove, and how to go on; it changes nothing", async () => {
        const { id, outs } = await take(OWNER);
        await tag(outs.snapshotIds, { [tagKeys.level]: "application" });
        const before = await cloud.snapshots(instance);
        await cloud.clearCalls();
        const said = await importCommand([id]);
        const { resources, nameTable } = fileOf(said);
        expect(nameTable).to.equal(undefined);
        expect(resources).to.have.length(1);
        const [{ inputs, outputs, ...place }] = resources as [(typeof resources)[0]];
        expect(place).to.deep.equal({
            type: "pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot",
            name: "nightly",
            id,
        });
        const text =
            'exports.handler = () => require("pulumi-app-consistent-snapshot/bin/provider/snapshotProvider").provider;\n';
        expect(inputs).to.include({ instanceId: instance.instanceId, __provider: text });
        expect(outputs).to.deep.include({
            instanceId: instance.instanceId,
            snapshotIds: outs.snapshotIds,
            consistencyLevel: "application",
            adopted: true,
            thawPending: false,
            unfinished: false,
            recorded: true,
            __provider: text,
        });
        // What no tag proves is not there.
        expect(outputs["evidence"]).to.have.all.keys("method", "completion", "executionId", "message");
        expect(said.stderr).to.include(`3 snapshots of ${instance.instanceId}`);
        expect(said.stderr).to.include('level "application"');
        expect(said.stderr).to.include(`It was taken for ${ownerTag(OWNER)}`);
        expect(said.stderr).not.to.include("thaws it first");
        expect(await cloud.snapshots(instance)).to.deep.equal(before);
        expect((await cloud.calls()).map(({ operation }) => operation)).to.have.members([
            "DescribeSnapshots",
            "DescribeInstances",
            "DescribeImages",
            "GetCallerIdentity",
        ]);
    });

    it("puts it under another name, and below a parent", async () => {
        const { id } = await take(OWNER);
        const { nameTable, resources } = fileOf(
            await importCommand([id, "--name", "weekly", "--parent", PARENT]),
        );
        expect(nameTable).to.deep.equal({ parent: PARENT });
        expect(resources[0]).to.include({ name: "weekly", parent: "parent" });
    });

    it("does not forget that the instance may still be frozen", async () => {
        const { id, outs } = await take(OWNER);
        await tag(outs.snapshotIds, { [tagKeys.thaw]: "pending" });
        const said = await importCommand([id]);
        expect(fileOf(said).resources[0]?.outputs).to.include({ thawPending: true });
        expect(said.stderr).to.include(
            `without proof that ${instance.instanceId} is awake. The next \`pulumi up\` thaws it first`,
        );
    });

    it("has to be told the name where no tag has it", async () => {
        const { id } = await take();
        expect(await rejection(importCommand([id]))).to.be.instanceOf(UsageError);
        expect(fileOf(await importCommand([id, "--name", "nightly"])).resources[0]?.name).to.equal("nightly");
    });

    it("takes the region that it is given", async () => {
        const { id } = await take(OWNER);
        const error = await rejection(importCommand([id, "--region", "eu-west-1"]));
        expect(error.message).to.match(/^INVALID_INPUT: There is no set .* in eu-west-1\./);
    });

    describe("refuses", () => {
        it("a set that is not there", async () => {
            expect((await rejection(importCommand([ID]))).message).to.match(
                /^INVALID_INPUT: There is no set of snapshots with the execution id acs-.* What to do: Check the id/,
            );
        });

        it("a set that is not whole", async () => {
            const { id, outs } = await take(OWNER);
            await cloud.deleteSnapshots([outs.snapshotIds[0] ?? ""]);
            expect((await rejection(importCommand([id]))).message).to.match(
                /^SNAPSHOT_LOST: .*1 of 3 snapshots were deleted.* State: nothing was changed\. What to do: /,
            );
        });

        it("a set that its run has not finished", async () => {
            const { id, outs } = await take(OWNER);
            await tag(outs.snapshotIds, { [tagKeys.state]: "in-progress" });
            expect((await rejection(importCommand([id]))).message).to.match(
                /^SET_UNFINISHED: .*may still be at work/,
            );
        });

        const wrong: [args: string[], says: string][] = [
            [[], "give one execution id"],
            [[ID, ID], "give one execution id"],
            [["snap-1"], '"snap-1" is not an execution id'],
            [[ID, "--parent", "backup"], "--parent must be a URN"],
            [[ID, "--nmae", "a"], "--nmae"],
            [[ID, "--name"], "--name"],
        ];
        for (const [args, says] of wrong) {
            it(`import ${args.join(" ")}`, async () => {
                const error = await rejection(importCommand(args));
                expect(error).to.be.instanceOf(UsageError);
                expect(error.message).to.include(says);
            });
        }
    });

    it("prints its usage", async () => {
        expect((await importCommand(["--help"])).stdout).to.match(/^Usage: npx .* import <execution id>/);
    });
});
