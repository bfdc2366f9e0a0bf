import { expect } from "chai";
import {
    executionsIn,
    failed,
    hooksOf,
    type Lab,
    outputsOf,
    programOf,
    providerTextOf,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import {
    type DynamicProviderServer,
    InitError,
    startDynamicProviderServer,
} from "../../lab/engine/dynamicProviderServer";
import type { Project, ResourceState } from "../../lab/engine/project";
import { rejection } from "../../lab/rejection";

/** Where the post-thaw script of these tests looks whether it is to fail. */
const THAW_FAILS = "/run/thaw-fails";

const ANOTHER_FAILS = `new AppConsistentSnapshot(
    "another",
    { instanceId: "i-0ffffffffffffffff", quiesce: { method: "none" } },
    { dependsOn: [snapshot] },
);`;

/**
 * The engine deletes a replaced resource at the end of a run, and of a run that fails it does not: then a later
 * process has to know that its instance was healed.
 */
describe("what one run has healed, and another one deletes", function () {
    this.timeout(600_000);
    let lab: Lab;
    let project: Project;
    let trigger = 0;

    before(async function () {
        lab = await startLab();
        lab.server.host.writeHooks({ post: `[ ! -e ${THAW_FAILS} ] || exit 1` });
        project = await lab.project({ program: "" });
    });
    after(() => lab.stop());
    beforeEach(() => program());
    afterEach(async () => {
        lab.server.host.exec(`rm -f ${THAW_FAILS}`);
        await lab.cloud.reset();
        await lab.cloud.deleteSnapshots((await lab.cloud.snapshots()).map((one) => one.snapshotId));
    });

    const args = () => ({ ...hooksOf(lab.server), timeouts: { postThaw: 5 } });
    const program = (options: { after?: string; new?: boolean } = {}): void => {
        trigger += options.new ? 1 : 0;
        project.setProgram(programOf({ ...args(), triggers: [trigger] }, { after: options.after ?? "" }));
    };
    const resources = (): ResourceState[] =>
        project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot"));
    const sets = async (): Promise<string[]> => executionsIn(await lab.cloud.snapshots());

    /** An `up` that leaves the instance frozen, and no set. */
    async function leaveFrozen(): Promise<void> {
        lab.server.host.writeScript(THAW_FAILS, "");
        await lab.cloud.fault("CreateSnapshots", { kind: "error", code: "InvalidParameterValue" });
        expect(failed(await project.up()).diagnostics).to.include("THAW_PENDING");
        expect(lab.server.host.frozen).to.equal(true);
        lab.server.host.exec(`rm ${THAW_FAILS}`);
    }

    /** The next `up` heals and takes a set, but another resource fails: what was replaced is still to be deleted. */
    async function healAndFail(): Promise<ResourceState[]> {
        program({ after: ANOTHER_FAILS });
        const { diagnostics, stdout } = failed(await project.up());
        expect(diagnostics).to.include("INSTANCE_NOT_FOUND").and.not.include("THAW_PENDING");
        expect(stdout).not.to.match(/does not manage/);
        expect(lab.server.host.frozen).to.equal(false);
        expect(lab.server.host.stateLeft).to.deep.equal([]);
        const replaced = resources().filter((one) => one.delete);
        expect(replaced.some((one) => one.outputs?.["thawPending"] === true)).to.equal(true);
        return replaced;
    }

    it("further runs go on, and one that succeeds deletes it", async () => {
        await leaveFrozen();
        await healAndFail();
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.include("INSTANCE_NOT_FOUND").and.not.include("THAW_PENDING");
        program();
        succeeded(await project.up());
        const { id, consistencyLevel } = outputsOf(await project.outputs());
        expect(consistencyLevel).to.equal("application");
        expect(resources().map((one) => one.id)).to.deep.equal([id]);
        expect(await sets()).to.deep.equal([id]);
        succeeded(await project.destroy());
    });

    // One after the other, in either order: below, by the provider's own processes.
    it("destroy deletes both", async () => {
        await leaveFrozen();
        await healAndFail();
        succeeded(await project.destroy());
        expect(resources()).to.deep.equal([]);
        expect(await sets()).to.deep.equal([]);
    });

    it("nor is an older set, which waits for its deletion, called one that nobody manages", async () => {
        succeeded(await project.up());
        program({ new: true });
        await leaveFrozen();
        expect(await healAndFail()).to.have.length(2);
        program({ new: true });
        const { stdout } = succeeded(await project.up());
        expect(stdout).not.to.match(/does not manage/);
        const { id } = outputsOf(await project.outputs());
        expect(resources().map((one) => one.id)).to.deep.equal([id]);
        expect(await sets()).to.deep.equal([id]);
        succeeded(await project.destroy());
    });

    describe("by the provider's own processes", () => {
        const servers: DynamicProviderServer[] = [];
        let provider: string;

        before(async () => {
            program({ new: true });
            succeeded(await project.up());
            provider = providerTextOf(project);
            succeeded(await project.destroy());
        });
        afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

        const start = async (): Promise<DynamicProviderServer> => {
            const env = { PATH: process.env["PATH"] ?? "", ...lab.cloud.env };
            const server = await startDynamicProviderServer({ cwd: project.folder, provider, env });
            servers.push(server);
            return server;
        };
        const inputs = (): Record<string, unknown> => ({
            ...args(),
            owner: "urn:pulumi:test::a-users-project::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::nightly",
        });

        interface Left {
            readonly id: string;
            readonly outputs: Record<string, unknown>;
        }

        /** What was replaced while it was not known to be awake, and its successor, each of a process that is no more. */
        async function replace(): Promise<{ old: Left; successor: Left }> {
            lab.server.host.writeScript(THAW_FAILS, "");
            await lab.cloud.fault("CreateSnapshots", { kind: "error", code: "InvalidParameterValue" });
            const { id, properties } = await rejection<InitError>((await start()).create(inputs()));
            lab.server.host.exec(`rm ${THAW_FAILS}`);
            const server = await start();
            await server.diff(id, properties, inputs());
            const successor = await server.create(inputs());
            expect(successor.outputs["healed"]).to.deep.equal([id]);
            await Promise.all(servers.splice(0).map((one) => one.close()));
            return { old: { id, outputs: properties }, successor };
        }

        const remove = async (server: DynamicProviderServer, { id, outputs }: Left): Promise<void> =>
            server.delete(id, outputs);

        const orders: Record<string, (old: Left, successor: Left) => Promise<unknown>> = {
            "the old one first, in one process": async (old, successor) => {
                const server = await start();
                await remove(server, old);
                await remove(server, successor);
            },
            "the new one first, in one process": async (old, successor) => {
                const server = await start();
                await remove(server, successor);
                await remove(server, old);
            },
            "both at once": async (old, successor) => {
                const server = await start();
                await Promise.all([remove(server, successor), remove(server, old)]);
            },
            "each in a process of its own": async (old, successor) => {
                await remove(await start(), old);
                await remove(await start(), successor);
            },
            "by the host, when the set that tells is gone": async (old, successor) => {
                await remove(await start(), successor);
                const server = await start();
                // As in the next `up`, by the inputs of the resource that has the name now.
                await server.diff(successor.id, { ...successor.outputs, healed: [] }, inputs());
                await remove(server, old);
            },
        };
        for (const [order, work] of Object.entries(orders)) {
            it(order, async () => {
                const { old, successor } = await replace();
                await work(old, successor);
                expect(await sets()).to.deep.equal([]);
            });
        }

        it("is not believed of another execution", async () => {
            const { old } = await replace();
            const stranger = { ...old, id: "acs-00000000-0000-4000-8000-000000000000" };
            const error = await rejection(remove(await start(), stranger));
            expect(error.message).to.match(/THAW_PENDING .*nothing was deleted/);
        });
    });
});
