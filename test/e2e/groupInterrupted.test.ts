import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    type Server,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import type { Gate } from "../../lab/cloud/localCloud";
import type { Project, RunningOperation } from "../../lab/engine/project";

/** Each test goes on with what the one before has left: that its run comes to be frozen shows that the next `up` works. */
describe("a group that is interrupted, by the engine", function () {
    this.timeout(400_000);
    let lab: Lab;
    let servers: Server[];
    let project: Project;
    let trigger = 0;

    before(async () => {
        lab = await startLab();
        servers = [lab.server, await lab.addServer(), await lab.addServer()];
        project = await lab.project({ program: nextProgram() });
    });
    after(() => lab.stop());
    afterEach(() => lab.cloud.reset());

    function nextProgram(): string {
        trigger += 1;
        const members = Object.fromEntries(servers.map((server, index) => [`m${index}`, hooksOf(server)]));
        return `import { AppConsistentSnapshotGroup } from "pulumi-app-consistent-snapshot";
const group = new AppConsistentSnapshotGroup("ledger", ${JSON.stringify({ members, triggers: [trigger] })});
export const { members, samePoint } = group;
`;
    }
    const sets = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots()).sort();
    const awake = async (): Promise<void> => {
        for (const { host } of servers) {
            await host.until(() => !host.frozen && host.stateLeft.length === 0, { what: "all to be awake" });
        }
    };
    /** An `up` that has all frozen, and two of three sets made, while the cloud holds the answer for the last. */
    const frozenUp = async (): Promise<{ running: RunningOperation; gate: Gate }> => {
        const last = servers.at(-1)?.instanceId ?? "";
        const gate = await lab.cloud.gate("CreateSnapshots", { phase: "after", resource: last });
        project.setProgram(nextProgram());
        const running = project.spawn("up");
        await gate.reached({ limitMs: 120_000 });
        expect(servers.map(({ host }) => host.frozen)).to.deep.equal([true, true, true]);
        return { running, gate };
    };
    /** A CLI that was killed leaves the stack locked: its user runs this, as the next `up` says. */
    const unlock = async (): Promise<void> => {
        const { code, stderr } = await project.run(["cancel", "--yes", "--stack", "test"]);
        expect(code, stderr).to.equal(0);
    };
    const providerGone = (): Promise<void> =>
        lab.server.host.until(() => project.processes().every(({ role }) => role !== "dynamicProvider"), {
            what: "the end of the provider",
        });

    it("ends with its sets after the first Ctrl-C", async () => {
        const { running, gate } = await frozenUp();
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        await gate.release();
        await running.result;
        await awake();
        expect(await sets()).to.have.length(3);
    });

    it("is thawed and undone on the second Ctrl-C", async () => {
        const kept = await sets();
        const { running } = await frozenUp();
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        running.kill("SIGINT");
        await awake();
        failed(await running.result);
        expect(await sets()).to.deep.equal(kept);
        expect(project.processes()).to.deep.equal([]);
    });

    it("is undone when the CLI is killed", async () => {
        const kept = await sets();
        const { running } = await frozenUp();
        running.kill("SIGKILL");
        await awake();
        await providerGone();
        await unlock();
        expect(await sets()).to.deep.equal(kept);
    });

    it("is awake when everything is killed; the next run works, and keeps what may still be another run's", async () => {
        const kept = await sets();
        const { running } = await frozenUp();
        const provider = await project.waitForProcess("dynamicProvider");
        running.kill("SIGKILL");
        process.kill(provider.pid, "SIGKILL");
        await awake();
        await lab.cloud.reset();
        await unlock();
        const orphans = (await sets()).filter((set) => !kept.includes(set));
        expect(orphans).to.have.length(3);

        succeeded(await project.up());
        const outputs = await project.outputs();
        expect(outputs["samePoint"]).to.equal(true);
        const members = outputs["members"] as Record<string, { evidence: { executionId: string } }>;
        const own = Object.values(members).map(({ evidence }) => evidence.executionId);
        expect(await sets()).to.deep.equal([...own, ...orphans].sort());
    });
});
