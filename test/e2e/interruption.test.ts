import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    outputsOf,
    programOf,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import type { Gate, Phase } from "../../lab/cloud/localCloud";
import type { Project, RunningOperation } from "../../lab/engine/project";

const LEASE = "app-consistent-snapshot:lease";

describe("an interrupted run of the real engine", function () {
    this.timeout(300_000);
    let lab: Lab;
    let project: Project;
    let trigger = 0;

    before(async () => {
        lab = await startLab();
        project = await lab.project({ program: "" });
    });
    after(() => lab.stop());
    beforeEach(() => {
        lab.server.host.exec("rm -f /run/test-events");
        nextSet();
    });
    afterEach(() => lab.cloud.reset());

    const nextSet = (): void => {
        trigger += 1;
        project.setProgram(programOf({ ...hooksOf(lab.server), triggers: [trigger] }));
    };
    const sets = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots());
    const currentId = async (): Promise<string> => outputsOf(await project.outputs()).id;

    /** An `up` whose request for the set is held by the cloud, while the instance is frozen. */
    const frozenUp = async (phase: Phase): Promise<{ running: RunningOperation; gate: Gate }> => {
        const gate = await lab.cloud.gate("CreateSnapshots", { phase });
        const running = project.spawn("up");
        await gate.reached({ limitMs: 60_000 });
        expect(lab.server.host.frozen).to.be.true;
        return { running, gate };
    };
    const awake = (): Promise<void> =>
        lab.server.host.until(() => !lab.server.host.frozen && lab.server.host.stateLeft.length === 0, {
            what: "the host to be awake",
        });
    /** A CLI that was killed leaves the stack locked: its user runs this, as the next `up` says. */
    const unlock = async (): Promise<void> => {
        const { code, stderr } = await project.run(["cancel", "--yes", "--stack", "test"]);
        expect(code, stderr).to.equal(0);
    };
    const providerGone = (): Promise<void> =>
        lab.server.host.until(() => project.processes().every(({ role }) => role !== "dynamicProvider"), {
            what: "the end of the provider",
        });
    const expectOneSetAfterNextUp = async (): Promise<void> => {
        succeeded(await project.up());
        expect(await sets()).to.deep.equal([await currentId()]);
    };

    it("leaves nothing running after a normal end", async () => {
        const { stdout } = succeeded(await project.up());
        expect(stdout).to.match(/2 created/);
        expect(project.processes()).to.deep.equal([]);
        expect(await sets()).to.have.length(1);
    });

    it("lets create end after the first Ctrl-C, and saves its state", async () => {
        const { running, gate } = await frozenUp("before");
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        await gate.release();
        await running.result;
        expect(lab.server.host.frozen).to.be.false;
        const resources = project
            .state()
            .resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
        // The new one, and the old one that was not to be deleted any more.
        expect(resources).to.have.length(2);
        expect(await sets()).to.have.members(resources.map((one) => one.id));
        await expectOneSetAfterNextUp();
    });

    for (const phase of ["before", "after"] as const) {
        it(`thaws and undoes on the second Ctrl-C, ${phase} the cloud has made the set`, async () => {
            const kept = await sets();
            const { running } = await frozenUp(phase);
            running.kill("SIGINT");
            await running.waitForLine(/cancel/i);
            const began = performance.now();
            running.kill("SIGINT");
            await awake();
            const thawed = performance.now();
            failed(await running.result);
            const ended = performance.now();
            console.log(
                `        thawed ${Math.round(thawed - began)} ms after the signal, ended after ${Math.round(ended - began)} ms`,
            );
            expect(await sets()).to.deep.equal(kept);
            expect(project.processes()).to.deep.equal([]);
            await lab.cloud.reset();
            await expectOneSetAfterNextUp();
        });
    }

    it("thaws when the provider is killed", async () => {
        const kept = await sets();
        const { running } = await frozenUp("before");
        const provider = await project.waitForProcess("dynamicProvider");
        process.kill(provider.pid, "SIGKILL");
        await awake();
        failed(await running.result);
        await lab.cloud.reset();
        expect(await sets()).to.deep.equal(kept);
        await expectOneSetAfterNextUp();
    });

    it("undoes and ends when the CLI is killed", async () => {
        const kept = await sets();
        const { running } = await frozenUp("after");
        running.kill("SIGKILL");
        await awake();
        await providerGone();
        await unlock();
        expect(await sets()).to.deep.equal(kept);
        await lab.cloud.reset();
        await expectOneSetAfterNextUp();
    });

    it("thaws when everything is killed; a later run deletes the set that nobody knows", async () => {
        const { running } = await frozenUp("after");
        const provider = await project.waitForProcess("dynamicProvider");
        running.kill("SIGKILL");
        process.kill(provider.pid, "SIGKILL");
        await awake();
        await lab.cloud.reset();
        await unlock();

        succeeded(await project.up());
        const id = await currentId();
        const snapshots = await lab.cloud.snapshots();
        const orphans = snapshots.filter((one) => one.tags["app-consistent-snapshot:execution"] !== id);
        expect(executionsIn(orphans)).to.have.length(1);
        expect(orphans.map((one) => one.tags["app-consistent-snapshot:state"])).to.deep.equal(
            orphans.map(() => "in-progress"),
        );
        await endLease(orphans.map((one) => one.snapshotId));

        nextSet();
        const { stdout } = succeeded(await project.up());
        expect(stdout).to.match(/deleting the abandoned set/);
        expect(await sets()).to.deep.equal([await currentId()]);
    });

    /** As if the run had died an hour ago. */
    const endLease = async (snapshotIds: string[]): Promise<void> => {
        const client = new EC2Client(lab.cloud.clientConfig());
        const Value = new Date(Date.now() - 3_600_000).toISOString();
        await client.send(new CreateTagsCommand({ Resources: snapshotIds, Tags: [{ Key: LEASE, Value }] }));
        client.destroy();
    };
});
