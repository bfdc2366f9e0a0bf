import { expect } from "chai";
import { failed, succeeded } from "../../lab/engine/e2e";
import { type Project, type RunningOperation, makeProject } from "../../lab/engine/project";
import { needsRoot } from "../../lab/hosts/sshHost";
import { LONG_VERIFY, RestoreScene } from "../../lab/scenes/restoreScene";

/** The real engine, with the limits that users have; leases are made to run out, and not waited for. */
describe("a restore test of the real engine that is interrupted", function () {
    this.timeout(600_000);
    let scene: RestoreScene;
    let project: Project;
    let trigger = 0;

    before(async function () {
        needsRoot(this);
        scene = await RestoreScene.start();
        project = await makeProject({ program: "", env: scene.cloud.env });
        await expectNextUpPasses();
    });
    after(async () => {
        await project.dispose();
        await scene.stop();
    });
    afterEach(async () => {
        await scene.assertNothingLeft();
        await scene.reset();
    });

    /** An `up` that tests anew. */
    function next(verify: object = { script: "#!/bin/sh\ntrue\n" }): void {
        trigger += 1;
        const { owner: _, ...args } = scene.inputs();
        project.setProgram(`import { RestoreTest } from "pulumi-app-consistent-snapshot";
const test = new RestoreTest("db", ${JSON.stringify({ ...args, verify, triggers: [trigger] })} as any);
export const { passed } = test;
`);
    }
    const expectNextUpPasses = async () => {
        await scene.letLeasesRunOut();
        next();
        expect(succeeded(await project.up()).outputs).to.include({ passed: true });
        const tests = project.state().resources.filter(({ type }) => type.endsWith("RestoreTest"));
        expect(tests.length).to.equal(1);
    };
    const verifying = async (): Promise<RunningOperation> => {
        next(LONG_VERIFY);
        const running = project.spawn("up");
        await scene.untilVerifying();
        return running;
    };
    const instances = async () => (await scene.instances()).length;
    const providerPid = async () => (await project.waitForProcess("dynamicProvider")).pid;
    /** A CLI that was killed leaves the stack locked: its user runs this, as the next `up` says. */
    const cancel = async () => {
        const { code, stderr } = await project.run(["cancel", "--yes", "--stack", "test"]);
        expect(code, stderr).to.equal(0);
    };

    it("ends its test after the first Ctrl-C, and saves it", async () => {
        const running = await verifying();
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        scene.goOn(await scene.untilVerifying());
        await running.result;
        expect(await instances()).to.equal(0);
        const [test] = project.state().resources.filter(({ type }) => type.endsWith("RestoreTest"));
        expect(test?.outputs).to.include({ passed: true, left: false });
    });

    it("terminates the copy on the second Ctrl-C, while verify runs", async () => {
        const running = await verifying();
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        running.kill("SIGINT");
        failed(await running.result);
        expect(await instances()).to.equal(0);
        expect(project.processes()).to.deep.equal([]);
        await expectNextUpPasses();
    });

    it("terminates the copy on the second Ctrl-C, while it boots", async () => {
        scene.copies.boot = { console: "nothing" };
        next();
        const running = project.spawn("up");
        await scene.copyLaunched();
        running.kill("SIGINT");
        await running.waitForLine(/cancel/i);
        running.kill("SIGINT");
        failed(await running.result);
        expect(await instances()).to.equal(0);
        scene.copies.boot = {};
        await expectNextUpPasses();
    });

    async function killEverything(): Promise<void> {
        const running = await verifying();
        const provider = await providerPid();
        running.kill("SIGKILL");
        process.kill(provider, "SIGKILL");
        await running.result.catch(() => undefined);
        await cancel();
    }

    it("terminates the copy when the CLI is killed", async () => {
        const running = await verifying();
        running.kill("SIGKILL");
        await running.result.catch(() => undefined);
        await scene.copies.untilNone();
        await cancel();
        await expectNextUpPasses();
    });

    it("leaves a copy when everything is killed, which `refresh` tells of and the next `up` terminates", async () => {
        await killEverything();
        const [copy] = await scene.instances();
        const { diagnostics } = succeeded(await project.refresh());
        expect(diagnostics).to.contain(copy?.InstanceId);
        expect(await instances()).to.equal(1);
        await expectNextUpPasses();
    });

    it("leaves a copy when everything is killed, which `destroy` terminates", async () => {
        await killEverything();
        expect(await instances()).to.equal(1);
        await scene.letLeasesRunOut();
        succeeded(await project.destroy());
        expect(await instances()).to.equal(0);
    });
});
