import { expect } from "chai";
import { countsOf } from "../../lab/cloud/cloudContents";
import { failed, hooksOf, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { Project } from "../../lab/engine/project";
import { Copies } from "../../lab/hosts/copies";
import { needsRoot } from "../../lab/hosts/sshHost";
import { mountContents } from "../../lab/volumes/copiedContents";
import { type Volumes, hostRun, mountVolumes } from "../../lab/volumes/volumes";

const ROWS = "17 rows of the application";

describe("a restore test, by the engine", function () {
    this.timeout(300_000);
    let lab: Lab;
    let copies: Copies;
    let volumes: Volumes;
    let project: Project;

    before(async function () {
        needsRoot(this);
        lab = await startLab();
        const { host, instance } = lab.server;
        volumes = await mountVolumes(lab.cloud, instance, host, [
            { mountPoint: "/mnt/data", fileSystem: "ext4", sizeMiB: 64 },
        ]);
        await hostRun(host, `echo '${ROWS}' >/mnt/data/rows && sync -f /mnt/data`);
        copies = await Copies.start(lab.cloud);
        copies.boot = {
            prepare: (copy, copied) => mountContents(copy, copied, host, { "/dev/sdf": "/mnt/data" }),
        };
        project = await lab.project({ program: program() });
    });
    beforeEach(() => lab.cloud.clearCalls());
    after(async () => {
        await copies.stop();
        await volumes.stop();
        await lab.stop();
    });

    function program({ verify = "cat /mnt/data/rows" } = {}): string {
        const { user, clientKey } = lab.server.host;
        return `import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshot, RestoreTest } from "pulumi-app-consistent-snapshot";
const config = new Config();
const snapshot = new AppConsistentSnapshot("db", { ...${JSON.stringify(hooksOf(lab.server))}, triggers: [config.get("run")] } as any);
const image = new AppConsistentAmi("db", { snapshot });
const test = new RestoreTest("db", {
    imageId: image.imageId,
    launch: ${JSON.stringify(copies.launch)},
    connection: { user: "${user}", port: ${copies.port}, privateKey: ${JSON.stringify(clientKey)} },
    verify: { script: ${JSON.stringify(`#!/bin/sh\nset -e\n${verify}\n`)} },
    timeouts: { boot: 60, verify: 60 },
});
export const { passed, bootSeconds, verifySeconds, recoverySeconds, instanceId, testedAt, reason, message } = test;
`;
    }

    /** Each point is of two servers, and each of its members is tested by a copy of its own. */
    function pointsProgram(members: object): string {
        const { user, clientKey } = lab.server.host;
        return `import { Config } from "@pulumi/pulumi";
import { AppConsistentAmi, AppConsistentSnapshotGroup, RestoreTest, recoveryPoints } from "pulumi-app-consistent-snapshot";
const config = new Config();
const members = ${JSON.stringify(members)} as any;
export = async () => {
    const points = await recoveryPoints({ run: config.get("run"), keep: 7 });
    const tests = points.labels.flatMap((label) => {
        const group = new AppConsistentSnapshotGroup(\`ledger-\${label}\`, { members }, points.optionsOf(label));
        return ["accounts", "orders"].map((member) => {
            const name = \`\${member}-\${label}\`;
            const { imageId } = new AppConsistentAmi(name, { snapshot: group.member(member) });
            return new RestoreTest(name, {
                imageId,
                launch: ${JSON.stringify(copies.launch)},
                connection: { user: "${user}", port: ${copies.port}, privateKey: ${JSON.stringify(clientKey)} },
                verify: { script: config.require(member) },
                timeouts: { boot: 60, verify: 60 },
            });
        });
    });
    return { recoveryPoints: points.listAfter(tests), passed: tests.map(({ passed }) => passed) };
};
`;
    }

    async function nothingLeft(): Promise<void> {
        expect(copies.problems).to.deep.equal([]);
        expect((await countsOf(lab.cloud, lab.cloud.region)).instances).to.equal(1);
        await copies.untilNone();
    }

    it("is previewed while the image is not known, and launches nothing", async () => {
        const { stdout, diagnostics } = succeeded(await project.preview());
        expect(`${stdout}${diagnostics}`).to.contain("will launch a copy of an image that is not known yet");
        expect(await lab.cloud.calls()).to.deep.equal([]);
    });

    it("launches a copy of the image, sees the data on it, and leaves nothing", async () => {
        const { outputs, stdout } = succeeded(await project.up());
        expect(copies.problems).to.deep.equal([]);
        expect(outputs).to.include({ passed: true });
        expect(outputs["recoverySeconds"]).to.be.a("number");
        expect(stdout).to.contain(ROWS);
        expect(JSON.stringify(project.state())).not.to.contain("BEGIN OPENSSH PRIVATE KEY");
        await nothingLeft();
    });

    it("tests a new image anew, and fails with what the script has said", async () => {
        project.setProgram(program({ verify: "cat /mnt/data/rows; echo 'a row is missing'; exit 3" }));
        // The script alone is no reason to test again.
        await project.setConfig({ run: "a bad night" });
        const { diagnostics } = failed(await project.up());
        expect(diagnostics).to.match(/VERIFY_FAILED \(i-\w+\): The verify script exited with 3/);
        expect(diagnostics).to.contain("a row is missing");
        await nothingLeft();
    });

    it("tests it again at the next run, and is the same from then on", async () => {
        project.setProgram(program());
        const { outputs } = succeeded(await project.up());
        expect(outputs).to.include({ passed: true });
        project.setProgram(program({ verify: "exit 1" }));
        await lab.cloud.clearCalls();
        const { summary } = succeeded(await project.up());
        expect(Object.keys(summary)).to.deep.equal(["same"]);
        expect((await lab.cloud.calls()).map(({ operation }) => operation)).not.to.include("RunInstances");
        await nothingLeft();
    });

    it("counts a point of several servers only when the copy of each member has passed", async () => {
        const [accounts, orders] = [lab.server, await lab.addServer()].map((server) => hooksOf(server));
        const points = await lab.project({ program: pointsProgram({ accounts, orders }) });
        const upAt = async (run: string, verifyOrders: string) => {
            await points.setConfig({
                run,
                accounts: "grep 'of the application' /mnt/data/rows",
                orders: verifyOrders,
            });
            return await points.up();
        };
        const monday = succeeded(await upAt("monday", "! ls /mnt/data/rows"));
        expect(monday.outputs).to.deep.equal({ recoveryPoints: ["monday"], passed: [true, true] });
        // That of the first member has the data of the first server, and of no other.
        expect(monday.stdout).to.contain(ROWS);
        const { diagnostics } = failed(await upAt("tuesday", "false"));
        expect(diagnostics).to.match(/VERIFY_FAILED/);
        expect((await points.outputs())["recoveryPoints"]).to.deep.equal(["monday"]);
        expect(copies.problems).to.deep.equal([]);
        expect((await countsOf(lab.cloud, lab.cloud.region)).instances).to.equal(2);
        await copies.untilNone();
    });
});
