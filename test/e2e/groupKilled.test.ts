import { expect } from "chai";
import { hooksOf, type Lab, providerTextOf, type Server, startLab, succeeded } from "../../lab/engine/e2e";
import {
    type DynamicProviderServer,
    startDynamicProviderServer,
} from "../../lab/engine/dynamicProviderServer";
import type { Project } from "../../lab/engine/project";

const GO = "/run/go-on";
const HOLD = `while [ ! -e ${GO} ]; do sleep 0.05; done`;

/** The provider's process as the engine starts it, without the rest of the engine. */
describe("a provider that is killed while it takes a group", function () {
    this.timeout(300_000);
    let lab: Lab;
    let db: Server;
    let app: Server;
    let project: Project;
    let provider: string;
    const servers: DynamicProviderServer[] = [];

    before(async () => {
        lab = await startLab();
        db = lab.server;
        app = await lab.addServer();
        const args = JSON.stringify({ members: inputs()["members"], minimumLevel: "crash" });
        project = await lab.project({
            program: `import { AppConsistentSnapshotGroup } from "pulumi-app-consistent-snapshot";
new AppConsistentSnapshotGroup("ledger", ${args});
`,
        });
        succeeded(await project.up());
        provider = providerTextOf(project, "AppConsistentSnapshotGroup");
        succeeded(await project.destroy());
    });
    after(() => lab.stop());
    beforeEach(() => {
        for (const { host } of [db, app]) {
            host.writeHooks();
            host.exec(`rm -f ${GO} /run/test-events`);
        }
    });
    afterEach(async () => {
        [db, app].forEach(({ host }) => host.exec(`touch ${GO}`));
        await Promise.all(servers.splice(0).map((server) => server.close()));
        await lab.cloud.reset();
        await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
    });

    const inputs = (): Record<string, unknown> => ({
        members: { db: hooksOf(db), app: hooksOf(app) },
        owner: "urn:pulumi:test::a-users-project::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshotGroup::ledger",
    });
    const start = async (): Promise<DynamicProviderServer> => {
        const env = { PATH: process.env["PATH"] ?? "", ...lab.cloud.env };
        const server = await startDynamicProviderServer({ cwd: project.folder, provider, env });
        servers.push(server);
        return server;
    };
    const untilAwake = async (): Promise<void> => {
        for (const { host } of [db, app]) {
            await host.until(() => !host.frozen && host.stateLeft.length === 0, {
                what: "the hosts to be awake",
            });
        }
    };
    /** Starts a create, and ends its process when `reached`. */
    const endWhen = async (
        signal: "SIGKILL" | "SIGINT",
        reached: () => Promise<unknown>,
    ): Promise<unknown> => {
        const server = await start();
        const creating = server.create(inputs()).catch((error: unknown) => error);
        await Promise.race([
            reached(),
            creating.then((result) => {
                throw new Error(`create ended before it could be killed: ${String(result)}`);
            }),
        ]);
        server.kill(signal);
        const result = await creating;
        await untilAwake();
        return result;
    };
    const bothFrozen = () =>
        Promise.all(
            [db, app].map(({ host }) => host.until(() => host.frozen, { what: "both to be frozen" })),
        );
    const nextRunSucceeds = async (): Promise<void> => {
        await lab.cloud.reset();
        [db, app].forEach(({ host }) => host.writeHooks());
        const server = await start();
        const { outputs } = await server.create(inputs());
        expect(outputs).to.include({ samePoint: true, consistencyLevel: "application" });
    };

    it("one is frozen, the other still freezes: both are awake", async () => {
        app.host.writeHooks({ pre: HOLD });
        await endWhen("SIGKILL", async () => {
            await db.host.until(() => db.host.frozen, { what: "db to be frozen" });
            app.host.exec(`touch ${GO}`);
        });
        await nextRunSucceeds();
    });

    it("both are frozen, and one set is taken: both are awake, and the next run works", async () => {
        const gate = await lab.cloud.gate("CreateSnapshots", { resource: app.instanceId });
        await endWhen("SIGKILL", async () => {
            await gate.reached();
            await bothFrozen();
        });
        await gate.release();
        await nextRunSucceeds();
    });

    it("is interrupted while both are frozen and one set is taken: nothing is kept", async () => {
        const gate = await lab.cloud.gate("CreateSnapshots", { resource: app.instanceId });
        const error = await endWhen("SIGINT", async () => {
            await gate.reached();
            await bothFrozen();
        });
        expect(String(error)).to.match(/INTERRUPTED|SNAPSHOT_OUTCOME_UNKNOWN/);
        await gate.release();
        const left = await lab.cloud.snapshots(db.instance);
        expect(left.map(({ snapshotId }) => snapshotId)).to.deep.equal([]);
        await nextRunSucceeds();
    });
});
