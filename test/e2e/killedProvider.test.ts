import { expect } from "chai";
import {
    executionsIn,
    hooksOf,
    type Lab,
    programOf,
    providerTextOf,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import {
    type DynamicProviderServer,
    startDynamicProviderServer,
} from "../../lab/engine/dynamicProviderServer";
import type { CloudCall } from "../../lab/cloud/localCloud";
import type { Project } from "../../lab/engine/project";

const GO = "/run/go-on";
const HOLD = `while [ ! -e ${GO} ]; do sleep 0.05; done`;

/** The provider's process as the engine starts it, without the rest of the engine: many runs in little time. */
describe("a provider that is killed", function () {
    this.timeout(300_000);
    let lab: Lab;
    let project: Project;
    let provider: string;
    const servers: DynamicProviderServer[] = [];

    before(async () => {
        lab = await startLab();
        const { instanceId } = lab.server;
        project = await lab.project({ program: programOf({ instanceId, quiesce: { method: "none" } }) });
        succeeded(await project.up());
        provider = providerTextOf(project);
        succeeded(await project.destroy());
    });
    after(() => lab.stop());
    beforeEach(() => {
        lab.server.host.writeHooks();
        lab.server.host.exec(`rm -f ${GO} /run/test-events`);
    });
    afterEach(async () => {
        lab.server.host.exec(`touch ${GO}`);
        await Promise.all(servers.splice(0).map((server) => server.close()));
        await lab.cloud.reset();
        await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
    });

    const start = async (): Promise<DynamicProviderServer> => {
        const env = { PATH: process.env["PATH"] ?? "", ...lab.cloud.env };
        const server = await startDynamicProviderServer({ cwd: project.folder, provider, env });
        servers.push(server);
        return server;
    };
    const inputs = (): Record<string, unknown> => ({
        ...hooksOf(lab.server),
        owner: "urn:pulumi:test::a-users-project::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::nightly",
    });
    /** Starts a create, kills its process when `reached`, and waits until the host is awake. */
    const killWhen = async (reached: () => Promise<unknown>): Promise<void> => {
        const server = await start();
        const creating = server.create(inputs()).catch(() => undefined);
        await Promise.race([
            reached(),
            creating.then(() => {
                throw new Error("create ended before it could be killed");
            }),
        ]);
        server.kill("SIGKILL");
        await creating;
        lab.server.host.exec(`touch ${GO}`);
        await lab.server.host.until(() => !lab.server.host.frozen && lab.server.host.stateLeft.length === 0, {
            what: "the host to be awake",
        });
    };
    const expectNextRunSucceeds = async (): Promise<void> => {
        await lab.cloud.reset();
        lab.server.host.writeHooks();
        const server = await start();
        const { id, outputs } = await server.create(inputs());
        expect(outputs).to.include({ consistencyLevel: "application", thawPending: false });
        expect(lab.server.host.frozen).to.be.false;
        const snapshots = await lab.cloud.snapshots();
        for (const orphan of executionsIn(snapshots).filter((execution) => execution !== id)) {
            const tags = snapshots.find((one) => executionsIn([one])[0] === orphan)?.tags ?? {};
            expect(Date.parse(tags["app-consistent-snapshot:lease"] ?? "")).to.be.greaterThan(Date.now());
            const complete = tags["app-consistent-snapshot:state"] === "complete";
            expect(server.lines.some((line) => line.includes(`its earlier set ${orphan}`))).to.equal(
                complete,
            );
        }
        const own = snapshots.filter((one) => executionsIn([one])[0] === id);
        expect(own.map((one) => one.tags["app-consistent-snapshot:state"])).to.deep.equal(
            Array<string>(3).fill("complete"),
        );
    };

    it("at any request to AWS leaves the host awake, and the next run succeeds", async () => {
        // Which requests there are is what a whole run shows.
        await lab.cloud.clearCalls();
        await (await start()).create(inputs());
        const calls = await lab.cloud.calls();
        expect(calls.map((call) => call.operation)).to.include.members([
            "GetCallerIdentity",
            "DescribeInstances",
            "DescribeVolumes",
            "DescribeSnapshots",
            "CreateSnapshots",
            "CreateTags",
        ]);
        const steps = calls.flatMap((call, index) =>
            phasesOf(call).map((phase) => ({ phase, index, what: `${phase} ${call.operation}` })),
        );
        await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
        for (const { phase, index, what } of steps) {
            console.log(`        killed ${what} (${index + 1} of ${calls.length})`);
            const gate = await lab.cloud.gate("*", { phase, skip: index, dryRun: null });
            await killWhen(() => gate.reached());
            await expectNextRunSucceeds();
            await Promise.all(servers.splice(0).map((server) => server.close()));
            await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
        }
    });

    it("during pre-freeze leaves the host awake, and the next run succeeds", async () => {
        lab.server.host.writeHooks({ pre: HOLD });
        await killWhen(() => lab.server.host.waitFor(/^pre freeze/));
        // The script may end before the guard sees that the client is gone. Both ways wake the host.
        expect(lab.server.host.events.join()).to.match(/^pre freeze,post (thaw|freezeFail),thawed \1$/);
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
        await expectNextRunSucceeds();
    });

    it("during post-thaw leaves the host awake, and the next run succeeds", async () => {
        lab.server.host.writeHooks({ post: HOLD });
        await killWhen(() => lab.server.host.waitFor(/^post thaw/));
        await expectNextRunSucceeds();
    });
});

/** Whether it was carried out makes a difference only where something changes. */
function phasesOf(call: CloudCall): ("before" | "after")[] {
    return call.dryRun || /^(Describe|Get)/.test(call.operation) ? ["before"] : ["before", "after"];
}
