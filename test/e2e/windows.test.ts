import { assert } from "chai";
import { failed, succeeded } from "../../lab/engine/e2e";
import { type CloudInstance, type LocalCloud, startLocalCloud } from "../../lab/cloud/localCloud";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import {
    type EngineResult,
    type Project,
    type RunningOperation,
    makeProject,
} from "../../lab/engine/project";

const VSS = "AWSEC2-CreateVssSnapshot";
const PACKAGE = "AWS-ConfigureAWSPackage";
const STATE = "app-consistent-snapshot:state";

interface Outputs {
    imageId: string;
    snapshotIds: string[];
    level: string;
    vss: { document: string; componentsVersion: string; installedByUs: boolean };
}

/** The example, by the real engine. */
describe("Windows through the real engine", function () {
    this.timeout(300_000);
    let cloud: LocalCloud;
    let ssm: LocalSystemsManager;
    let instance: CloudInstance;
    let project: Project;
    let night = 0;
    const stops: (() => Promise<unknown>)[] = [];

    before(async () => {
        cloud = await startLocalCloud();
        stops.unshift(() => cloud.stop());
        ssm = new LocalSystemsManager(cloud);
        instance = await cloud.createInstance({ platform: "windows", volumes: 3 });
        await ssm.manage(instance.instanceId);
        project = await makeProject({
            program: { example: "windows-sqlserver" },
            env: cloud.env,
            config: { instanceId: instance.instanceId },
        });
        stops.unshift(() => project.dispose());
    });
    after(async () => {
        for (const stop of stops) {
            await stop();
        }
    });
    beforeEach(() => nextNight());
    afterEach(() => cloud.reset());

    const nextNight = () => project.setConfig({ run: `night ${(night += 1)}` });
    const outputsOf = (result: EngineResult) => succeeded(result).outputs as unknown as Outputs;
    const snapshotsNow = async () => await cloud.snapshots(instance);
    const componentsNow = async () => (await ssm.managed(instance.instanceId)).componentsVersion;
    const assertOnly = async ({ snapshotIds, level }: Outputs): Promise<void> => {
        assert.equal(level, "application");
        const found = (await snapshotsNow()).map(({ snapshotId }) => snapshotId);
        assert.sameMembers(found, snapshotIds);
        assert.isNull(await componentsNow());
        assert.isFalse((await ssm.managed(instance.instanceId)).frozen);
    };
    /** An `up` that waits in a command. */
    const upUntil = async (match: Parameters<LocalSystemsManager["hold"]>[0]) => {
        const gate = await ssm.hold({ ...match, times: 1 });
        const running = project.spawn("up");
        await gate.reached({ limitMs: 60_000 });
        return { running, gate };
    };
    const interruptTwice = async (running: RunningOperation): Promise<EngineResult> => {
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        running.kill("SIGINT");
        return failed(await running.result);
    };

    it("previews, takes the snapshots and the image, keeps them, replaces them, and deletes them", async () => {
        succeeded(await project.preview());
        assert.isEmpty(await ssm.commands());

        const first = outputsOf(await project.up());
        assert.match(first.imageId, /^ami-/);
        assert.lengthOf(first.snapshotIds, 3);
        assert.deepInclude(first.vss, { document: VSS, componentsVersion: "2.5.1", installedByUs: true });
        await assertOnly(first);
        assert.deepEqual(outputsOf(await project.up()), first);

        await nextNight();
        const second = outputsOf(await project.up());
        assert.notEqual(second.imageId, first.imageId);
        await assertOnly(second);

        succeeded(await project.destroy());
        assert.isEmpty(await snapshotsNow());
    });

    it("fails with the document's own words, and keeps what there was", async () => {
        const kept = outputsOf(await project.up());
        await nextNight();
        await ssm.setCourse({ vss: "writerFailed" }, { document: VSS });
        const { stdout, stderr } = failed(await project.up());
        assert.match(
            stdout + stderr,
            /VSS_FAILED \(i-\w+\): .*SqlServerWriter[^]*no snapshot was kept[^]*vssadmin list writers/,
        );
        await assertOnly(kept);
    });

    it("lets create end after the first Ctrl-C", async () => {
        const { running, gate } = await upUntil({ document: VSS });
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        await gate.release();
        await running.result;
        await assertOnly(outputsOf(await project.up()));
    });

    it("cancels the document and removes what it installed on the second Ctrl-C", async () => {
        const kept = (await snapshotsNow()).map(({ snapshotId }) => snapshotId);
        const { running } = await upUntil({ document: VSS });
        await interruptTwice(running);
        await ssm.allEnded();
        const commands = await ssm.commands();
        assert.equal(commands.filter(({ document }) => document === VSS).at(-1)?.status, "Cancelled");
        assert.isNull(await componentsNow());
        assert.sameMembers(
            (await snapshotsNow()).map(({ snapshotId }) => snapshotId),
            kept,
        );
        await assertOnly(outputsOf(await project.up()));
    });

    it("is interrupted while it installs: a later run removes what was installed", async () => {
        const { running, gate } = await upUntil({ document: PACKAGE, parameters: { action: "Install" } });
        await interruptTwice(running);
        await gate.release();
        await ssm.allEnded();
        assert.equal(await componentsNow(), "2.5.1", "an installation does not end when it is cancelled");
        await assertOnly(outputsOf(await project.up()));
    });

    it("is killed while it removes the components: the next run knows them, and nothing is doubled", async () => {
        const { running, gate } = await upUntil({ document: PACKAGE, parameters: { action: "Uninstall" } });
        const provider = await project.waitForProcess("dynamicProvider");
        process.kill(provider.pid, "SIGKILL");
        failed(await running.result);
        await gate.release();
        await ssm.allEnded();

        const next = outputsOf(await project.up());
        assert.isNull(await componentsNow());
        const orphans = (await snapshotsNow()).filter(
            ({ snapshotId }) => !next.snapshotIds.includes(snapshotId),
        );
        // Nobody was told of them; their lease runs out, and then a run of this resource deletes them.
        assert.lengthOf(orphans, 3);
        assert.isTrue(orphans.every(({ tags }) => tags[STATE] === "in-progress"));
    });
});
