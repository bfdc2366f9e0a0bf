import { expect } from "chai";
import { contentsOf, countsOf } from "../../lab/cloud/cloudContents";
import { type CloudNetwork, defaultNetwork } from "../../lab/cloud/cloudNetwork";
import { failed, hooksOf, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Project } from "../../lab/engine/project";

const HOME = "us-east-1";
const AWAY = "eu-west-1";
const NOTHING = { snapshots: 0, images: 0, templates: 0, instances: 0 };

/** What changes anything in the cloud, but for tags; a dry run changes nothing. */
const CHANGING =
    /^(CreateSnapshots|RegisterImage|CopyImage|(Create|Modify|Delete)LaunchTemplate(Version)?|RunInstances|TerminateInstances|DeregisterImage|DeleteSnapshot)$/;

describe("a replica, from the snapshot to the launch template", function () {
    this.timeout(600_000);
    let lab: Lab;
    let network: CloudNetwork;
    let project: Project;

    before(async () => {
        lab = await startLab();
        network = await defaultNetwork(lab.cloud, AWAY);
        project = await lab.project({ program: program() });
    });
    beforeEach(() => lab.cloud.clearCalls());
    afterEach(async () => {
        await lab.cloud.reset();
        await lab.cloud.configureSnapshots({ durationMs: 0 });
    });
    after(() => lab.stop());

    function program(changes: object = {}): string {
        const { securityGroupId, ...where } = network;
        const args = { ...hooksOf(lab.server), ...changes };
        const launch = { instanceType: "m5.large", ...where, vpcSecurityGroupIds: [securityGroupId] };
        return `import { Config } from "@pulumi/pulumi";
import { AppConsistentReplica, AppConsistentSnapshot } from "pulumi-app-consistent-snapshot";
const config = new Config();
const snapshot = new AppConsistentSnapshot("db", { ...${JSON.stringify(args)}, triggers: [config.get("run")] } as any);
const replica = new AppConsistentReplica("db", {
    snapshot,
    region: "${AWAY}",
    launch: ${JSON.stringify(launch)},
    activate: config.getBoolean("activate") ?? false,
});
export const set = snapshot.id;
export const { snapshotIds } = snapshot;
export const { imageId, launchTemplateId, instanceId, privateIp, consistencyLevel } = replica;
`;
    }

    /** What was done to the cloud, in order, each as often as it was done in a row. */
    const changes = async (): Promise<string[]> => {
        const calls = await lab.cloud.calls();
        return calls
            .filter((call) => CHANGING.test(call.operation) && !call.dryRun && call.code === "Success")
            .map((call) => `${call.operation} ${call.region === HOME ? "here" : "there"}`)
            .filter((line, index, all) => line !== all[index - 1]);
    };
    const counts = async (): Promise<object> => ({
        here: await countsOf(lab.cloud, HOME),
        there: await countsOf(lab.cloud, AWAY),
    });
    const up = async (config: Record<string, string> = {}): Promise<EngineResult> => {
        await project.setConfig(config);
        return succeeded(await project.up());
    };
    const WHOLE = {
        here: { snapshots: 3, images: 1, templates: 0, instances: 1 },
        there: { snapshots: 3, images: 1, templates: 1, instances: 0 },
    };

    it("is previewed while no id is known, and without touching anything", async () => {
        const { summary } = succeeded(await project.preview());
        expect(summary).to.deep.equal({ create: 7 });
        expect(await lab.cloud.calls()).to.deep.equal([]);
        expect(lab.server.host.events).to.deep.equal([]);
    });

    it("is made: set, image, copy, template", async () => {
        const { summary, outputs } = await up();
        expect(summary).to.deep.equal({ create: 7 });
        expect(await changes()).to.deep.equal([
            "CreateSnapshots here",
            "RegisterImage here",
            "CopyImage there",
            "CreateLaunchTemplate there",
        ]);
        expect(await counts()).to.deep.equal(WHOLE);
        expect(outputs).to.include({ consistencyLevel: "application" });
        expect(outputs).not.to.have.any.keys("instanceId", "privateIp");
        const { images } = await contentsOf(lab.cloud, AWAY);
        expect(images[0]).to.include({ ImageId: outputs["imageId"], State: "available" });
        expect(images[0]?.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.Encrypted)).to.deep.equal([
            true,
            true,
            true,
        ]);
    });

    it("stays as it is when nothing has changed", async () => {
        expect((await up()).summary).to.deep.equal({ same: 7 });
        expect(await changes()).to.deep.equal([]);
    });

    it("is left alone when only tags of the snapshots change, whatever the preview says", async () => {
        project.setProgram(program({ tags: { team: "shop" } }));
        expect(succeeded(await project.preview()).summary).to.deep.equal({ same: 3, replace: 2, update: 2 });
        const { summary } = await up();
        expect(summary).to.deep.equal({ same: 6, update: 1 });
        expect(await changes()).to.deep.equal([]);
        project.setProgram(program());
        await up();
    });

    it("is replaced by a new one before the old one goes, each image before its snapshots", async () => {
        const before = await project.outputs();
        const { summary, outputs } = await up({ run: "the next night" });
        expect(summary).to.deep.equal({ same: 3, replace: 3, update: 1 });
        expect(await changes()).to.deep.equal([
            "CreateSnapshots here",
            "RegisterImage here",
            "CopyImage there",
            "CreateLaunchTemplateVersion there",
            "ModifyLaunchTemplate there",
            "DeregisterImage there",
            "DeleteSnapshot there",
            "DeregisterImage here",
            "DeleteSnapshot here",
        ]);
        expect(await counts()).to.deep.equal(WHOLE);
        expect(outputs["launchTemplateId"]).to.equal(before["launchTemplateId"]);
        expect(outputs["imageId"]).not.to.equal(before["imageId"]);
    });

    it("stays whole when the new set is below the minimum, and is replaced at the next try", async () => {
        const before = await project.outputs();
        project.setProgram(program({ timeouts: { freeze: 1 } }));
        await lab.cloud.setLatency("CreateSnapshots", { after: 2_500 });
        await project.setConfig({ run: "a bad night" });
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.match(/FREEZE_EXPIRED/);
        expect(lab.server.host.frozen).to.be.false;
        // The set that was not good enough has gone again; nothing else was begun.
        expect(await changes()).to.deep.equal(["CreateSnapshots here", "DeleteSnapshot here"]);
        expect(await counts()).to.deep.equal(WHOLE);
        expect(project.state().resources.find(({ type }) => type.endsWith("AmiCopy"))?.id).to.equal(
            before["imageId"],
        );

        await lab.cloud.setLatency("CreateSnapshots", 0);
        project.setProgram(program());
        const { summary, outputs } = succeeded(await project.up());
        expect(summary).to.deep.equal({ same: 3, replace: 3, update: 1 });
        expect(outputs["imageId"]).not.to.equal(before["imageId"]);
        expect(await counts()).to.deep.equal(WHOLE);
    });

    it("runs once it is activated, and not before", async () => {
        const { summary, outputs } = await up({ activate: "true" });
        expect(summary).to.deep.equal({ same: 7, create: 1 });
        expect(await changes()).to.deep.equal(["RunInstances there"]);
        expect(outputs).to.include({ privateIp: network.privateIp });
        const { instances } = await contentsOf(lab.cloud, AWAY);
        expect(instances).to.have.length(1);
        expect(instances[0]).to.include({
            InstanceId: outputs["instanceId"],
            ImageId: outputs["imageId"],
            PrivateIpAddress: network.privateIp,
            InstanceType: "m5.large",
        });
        // What organisations' policies ask for: without it EC2 would refuse the start.
        expect(instances[0]?.MetadataOptions).to.include({
            HttpEndpoint: "enabled",
            HttpTokens: "required",
            HttpPutResponseHopLimit: 2,
        });
        expect(instances[0]?.BlockDeviceMappings?.map(({ DeviceName }) => DeviceName)).to.have.members(
            Object.keys(lab.server.instance.devices),
        );
    });

    it("goes on running when a new set is taken", async () => {
        const before = await project.outputs();
        const { summary, outputs } = await up({ run: "while it runs" });
        expect(summary).to.deep.equal({ same: 4, replace: 3, update: 1 });
        expect(outputs["instanceId"]).to.equal(before["instanceId"]);
        expect(await changes()).not.to.include("TerminateInstances there");
    });

    it("ends at fail-back, and all the rest stays", async () => {
        const { summary, outputs } = await up({ activate: "false" });
        expect(summary).to.deep.equal({ same: 7, delete: 1 });
        expect(await changes()).to.deep.equal(["TerminateInstances there"]);
        expect(outputs).not.to.have.any.keys("instanceId", "privateIp");
        expect(await counts()).to.deep.equal(WHOLE);
    });

    it("is destroyed in order, and leaves nothing", async () => {
        const { summary } = succeeded(await project.destroy());
        expect(summary).to.deep.equal({ delete: 7 });
        expect(await changes()).to.deep.equal([
            "DeleteLaunchTemplate there",
            "DeregisterImage there",
            "DeleteSnapshot there",
            "DeregisterImage here",
            "DeleteSnapshot here",
        ]);
        expect(await counts()).to.deep.equal({ here: { ...NOTHING, instances: 1 }, there: NOTHING });
    });
});
