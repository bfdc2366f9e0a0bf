import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { type Lab, programOf, startLab } from "../../lab/engine/e2e";
import { rejection } from "../../lab/rejection";

/** A user's own program that runs Pulumi by the Automation API: docs/support.md. */
const DRIVER = `
const { LocalWorkspace } = require("@pulumi/pulumi/automation");
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");
const [, , instanceId, workDir] = process.argv;
const program = async () => {
    const snapshot = new AppConsistentSnapshot("nightly", { instanceId, quiesce: { method: "none" } });
    return { level: snapshot.consistencyLevel };
};
(async () => {
    const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: "auto", projectName: "automated", program },
        { workDir },
    );
    const { outputs } = await stack.up();
    console.log("level", outputs.level.value);
    await stack.destroy();
})().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
});
`;

describe("Pulumi's Automation API, with a program inline", function () {
    this.timeout(300_000);
    let lab: Lab;
    before(async () => (lab = await startLab()));
    after(() => lab.stop());

    it("runs in the folder whose node_modules has the package, whatever workDir is", async () => {
        const { instanceId } = await lab.cloud.createInstance({ volumes: 1 });
        const project = await lab.project({
            program: programOf({ instanceId, quiesce: { method: "none" } }),
        });
        const driver = join(project.folder, "driver.js");
        writeFileSync(driver, DRIVER);
        const elsewhere = join(dirname(project.folder), "elsewhere");
        mkdirSync(elsewhere);
        const run = async (cwd: string, workDir: string) => {
            const env = { ...project.env, PULUMI_STACK: "auto" };
            return await promisify(execFile)(process.execPath, [driver, instanceId, workDir], { cwd, env });
        };
        expect((await run(project.folder, elsewhere)).stdout).to.equal("level crash\n");
        const refused = await rejection(run(elsewhere, project.folder));
        expect(refused.message).to.include(
            `pulumi-app-consistent-snapshot cannot be found from the working directory, ${elsewhere}.`,
        );
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });
});
