import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
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
import { ownerTag, tagKeys } from "../../provider/aws/tags";
import type { Project } from "../../lab/engine/project";

const urnOf = (name: string) =>
    `urn:pulumi:test::a-users-project::pulumi-nodejs:dynamic/ec2:AppConsistentSnapshot::${name}`;

describe("a set moves into a stack", function () {
    this.timeout(300_000);
    let lab: Lab;
    before(async () => (lab = await startLab()));
    after(() => lab.stop());

    const program = (run: string, name = "nightly") =>
        programOf({ ...hooksOf(lab.server), triggers: [run], tags: { team: "shop" } }, { name });
    const sets = async () => executionsIn(await lab.cloud.snapshots());

    /** As users do: the command's output is the file. */
    async function importInto(project: Project, ...args: string[]): Promise<void> {
        const command = join(project.folder, "node_modules/.bin/pulumi-app-consistent-snapshot");
        const env = { PATH: process.env["PATH"] ?? "", ...lab.cloud.env };
        const { stdout } = await promisify(execFile)(command, ["import", ...args], { env });
        const file = join(project.folder, "set.json");
        writeFileSync(file, stdout);
        const imported = await project.run([
            ...["import", "--file", file, "--generate-code=false"],
            ...["--yes", "--skip-preview", "--stack", "test"],
        ]);
        expect(imported.code, `${imported.stdout}${imported.stderr}`).to.equal(0);
        expect(imported.stdout + imported.stderr).not.to.match(/validate|bug/);
    }

    it("that a killed `up` left, into its own: it is kept, updated and destroyed", async () => {
        const project = await lab.project({ program: program("monday") });
        const gate = await lab.cloud.gate("CreateTags", { phase: "after" });
        const running = project.spawn("up");
        await gate.reached({ limitMs: 60_000 });
        running.kill("SIGKILL");
        await running.ended;
        await gate.release();
        await lab.server.host.until(
            () => project.processes().every(({ role }) => role !== "dynamicProvider"),
            { what: "the end of the provider" },
        );
        expect(
            project.state().resources.filter(({ type }) => type.endsWith("AppConsistentSnapshot")),
        ).to.deep.equal([]);
        const [id = ""] = await sets();
        await project.run(["cancel", "--yes", "--stack", "test"]);

        await importInto(project, id);
        const up = succeeded(await project.up());
        expect(up.summary).to.deep.equal({ same: 1, update: 1 });
        expect(up.diagnostics).to.include(`adopted ${id} as it was found, with the level "application"`);
        expect(outputsOf(await project.outputs())).to.deep.include({
            id,
            consistencyLevel: "application",
            thawPending: false,
        });
        for (const { tags } of await lab.cloud.snapshots()) {
            expect(tags).to.include({ team: "shop", [tagKeys.owner]: ownerTag(urnOf("nightly")) });
        }
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 2 });
        expect(await sets()).to.deep.equal([id]);
        succeeded(await project.destroy());
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });

    it("of another stack, under another name: a new trigger then takes a new one", async () => {
        const other = await lab.project({ program: program("monday", "elsewhere") });
        succeeded(await other.up());
        const [id = ""] = await sets();
        const project = await lab.project({ program: program("tuesday") });
        await importInto(project, id, "--name", "nightly");
        const { instanceId } = await lab.cloud.createInstance();
        project.setProgram(programOf({ instanceId, quiesce: { method: "none" } }));
        expect(failed(await project.up()).diagnostics).to.include(
            `The imported set ${id} is of ${lab.server.instanceId}, but the program has ${instanceId} here.`,
        );
        project.setProgram(program("tuesday"));
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 1, update: 1 });
        const [{ tags } = { tags: {} }] = await lab.cloud.snapshots();
        expect(tags).to.include({ [tagKeys.owner]: ownerTag(urnOf("nightly")) });
        expect(await sets()).to.deep.equal([id]);
        project.setProgram(program("wednesday"));
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 1, replace: 1 });
        expect(await sets()).not.to.include(id);
        succeeded(await project.destroy());
    });

    it("as a recovery point: it is the list's, is not taken again, and a new night drops it", async () => {
        const points = (labels: readonly string[]) => `import { Config } from "@pulumi/pulumi";
import { AppConsistentSnapshot, recoveryPoints } from "pulumi-app-consistent-snapshot";
const args = ${JSON.stringify(hooksOf(lab.server))} as const;
export = async () => {
    const run = new Config().get("run");
    const points = await recoveryPoints({ run, keep: 1, labels: ${JSON.stringify(labels)} });
    const sets = points.labels.map(
        (label) => new AppConsistentSnapshot(\`db-\${label}\`, args, points.optionsOf(label)),
    );
    return { recoveryPoints: points.listAfter(sets) };
};
`;
        const other = await lab.project({ program: points([]), config: { run: "one" } });
        succeeded(await other.up());
        const [id = ""] = await sets();
        const project = await lab.project({ program: points(["one"]) });
        await importInto(project, id);
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 1, update: 1 });
        expect(await sets()).to.deep.equal([id]);
        expect(await project.outputs()).to.deep.equal({ recoveryPoints: ["one"] });
        await project.setConfig({ run: "two" });
        succeeded(await project.up());
        expect(await project.outputs()).to.deep.equal({ recoveryPoints: ["two"] });
        expect(await sets())
            .to.have.length(1)
            .and.not.include(id);
        succeeded(await project.destroy());
    });
});
