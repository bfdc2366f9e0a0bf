import { EC2Client, LockSnapshotCommand, UnlockSnapshotCommand } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import { type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { executionsIn, failed, succeeded } from "../../lab/engine/e2e";
import { type EngineResult, makeProject, type Project } from "../../lab/engine/project";

/** Both ways to keep nights: a row of points, of which the oldest goes, and one set that is replaced. */
const PROGRAM = `
import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";
export = async () => {
    const config = new Config();
    const args = { instanceId: config.require("instanceId"), quiesce: { method: "none" as const } };
    const points = await recoveryPoints({ run: config.get("run"), keep: 1 });
    const snapshots = points.labels.map((label) => new AppConsistentSnapshot(label, args, points.optionsOf(label)));
    const latest = new AppConsistentSnapshot("latest", { ...args, triggers: [config.get("run")] });
    return { recoveryPoints: points.listAfter(snapshots), latest: latest.id, points: snapshots.map(({ id }) => id) };
};
`;

describe("a set that is locked, in a real stack", function () {
    this.timeout(300_000);
    let cloud: LocalCloud;
    let ec2: EC2Client;
    let project: Project;

    before(async () => {
        cloud = await startLocalCloud({ snapshotDurationMs: 0 });
        ec2 = new EC2Client(cloud.clientConfig());
        const { instanceId } = await cloud.createInstance({ volumes: 2 });
        project = await makeProject({ program: PROGRAM, env: cloud.env, config: { instanceId } });
    });
    after(async () => {
        ec2.destroy();
        await project.dispose();
        await cloud.stop();
    });

    const night = async (run: string): Promise<EngineResult> => {
        await project.setConfig({ run });
        return await project.up();
    };
    const setsNow = async (): Promise<string[]> => executionsIn(await cloud.snapshots());
    const setsOf = ({ outputs }: EngineResult): string[] => [
        outputs["latest"] as string,
        ...(outputs["points"] as string[]),
    ];

    it("does not keep the next nights from being taken, and goes when it may", async () => {
        const monday = setsOf(succeeded(await night("monday")));
        const locked = (await cloud.snapshots()).map(({ snapshotId }) => snapshotId);
        for (const SnapshotId of locked) {
            await ec2.send(new LockSnapshotCommand({ SnapshotId, LockMode: "governance", LockDuration: 7 }));
        }
        const tuesday = failed(await night("tuesday"));
        expect(tuesday.diagnostics).to.match(/SNAPSHOT_LOCKED: .*nothing was deleted/);
        expect(tuesday.outputs["recoveryPoints"]).to.deep.equal(["tuesday"]);
        expect(await setsNow()).to.have.members([...monday, ...setsOf(tuesday)]);

        const wednesday = failed(await night("wednesday"));
        expect(wednesday.outputs["recoveryPoints"]).to.deep.equal(["wednesday"]);
        expect(await setsNow()).to.have.members([...monday, ...setsOf(wednesday)]);

        for (const SnapshotId of locked) {
            await ec2.send(new UnlockSnapshotCommand({ SnapshotId }));
        }
        const unlocked = succeeded(await project.up());
        expect(await setsNow()).to.have.members(setsOf(unlocked));
    });
});
