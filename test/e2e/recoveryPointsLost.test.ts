import { expect } from "chai";
import { OLDEST_SDK } from "../../lab/setup/setupInstall.mjs";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import type { EngineResult, InstallKind, Project } from "../../lab/engine/project";

/** What stands for an unknown value in a stack's state. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Points without images: what is tested is what the engine keeps, whatever has become of the list. */
const programOf = (instanceId: string): string => `
const { Config, dynamic } = require("@pulumi/pulumi");
const { AppConsistentSnapshot, recoveryPoints } = require("pulumi-app-consistent-snapshot");
const config = new Config();
class Unrelated extends dynamic.Resource {
    constructor(name) {
        super({ create: async () => ({ id: "made", outs: { value: "made" } }) }, name, { value: undefined });
    }
}
module.exports = async () => {
    const { value } = new Unrelated("unrelated");
    const output = config.get("output") || "recoveryPoints";
    const labels = config.get("labels") ? JSON.parse(config.get("labels")) : undefined;
    // Two nights in one run, which is what is tested by others.
    const made = config.get("seed") ? JSON.parse(config.get("seed")) : undefined;
    const points = made
        ? { labels: made, optionsOf: () => ({}), listAfter: () => made }
        : await recoveryPoints({ run: config.get("run"), keep: 2, output, labels });
    const snapshots = points.labels.map((label) => new AppConsistentSnapshot(
        label,
        { instanceId: ${JSON.stringify(instanceId)}, quiesce: { method: "none" } },
        points.optionsOf(label),
    ));
    return { value, [output]: points.listAfter(snapshots) };
};
`;

const SDKS: Readonly<Record<string, InstallKind>> = { newest: "pack-npm", oldest: OLDEST_SDK };

for (const [sdk, install] of Object.entries(SDKS)) {
    describe(`a list of recovery points that is lost, with the ${sdk} SDK`, function () {
        this.timeout(400_000);
        let lab: Lab;
        let project: Project;
        before(async () => {
            lab = await startLab();
            project = await lab.project({
                program: programOf(lab.server.instanceId),
                install,
                main: "index.js",
            });
            succeeded(await up({ seed: '["n1","n2"]' }));
        });
        after(() => lab.stop());
        afterEach(async () => {
            expect(await inCloud()).to.deep.equal(["n1", "n2"]);
        });

        const NOTHING = { run: "", output: "", labels: "", seed: "" };
        async function up(config: Partial<typeof NOTHING>, args: string[] = []): Promise<EngineResult> {
            await project.setConfig({ ...NOTHING, ...config });
            return await project.up({ args });
        }
        async function inCloud(): Promise<string[]> {
            const owners = (await lab.cloud.snapshots()).map(
                ({ tags }) => tags["app-consistent-snapshot:owner"]?.split("::").at(-1) ?? "",
            );
            return [...new Set(owners)].sort();
        }
        const outputs = (): Record<string, unknown> =>
            project.state().resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
        function editOutputs(edit: (outputs: Record<string, unknown>) => void): void {
            project.editState((resources) => {
                const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
                edit(stack?.outputs ?? {});
            });
        }
        /** It deletes nothing, says how to go on, and changes nothing of that. */
        function expectRefusal(result: EngineResult, text: RegExp): void {
            const { diagnostics } = failed(result);
            expect(diagnostics).to.match(text);
            expect(diagnostics).to.match(
                // Both were taken at the same time.
                /oldest first: (n1 \(2\S+Z\), n2|n2 \(2\S+Z\), n1) \(2\S+Z\)\. Give recoveryPoints `labels`/,
            );
        }
        const goOn = ["--continue-on-error"];

        it("is not read as an empty one where it is not known; the program can give it", async () => {
            editOutputs((outputs) => (outputs["recoveryPoints"] = UNKNOWN));
            const text = /output `recoveryPoints` of this stack is not known/;
            expectRefusal(await up({}, goOn), text);
            expectRefusal(await up({ run: "n3" }, goOn), text);
            expectRefusal(await project.preview(), text);
            const { summary } = succeeded(await up({ labels: '["n1","n2"]' }));
            expect(summary).to.have.all.keys("same");
            expect(outputs()["recoveryPoints"]).to.deep.equal(["n1", "n2"]);
        });

        it("is read where another output is not known", async () => {
            editOutputs((outputs) => (outputs["other"] = UNKNOWN));
            succeeded(await up({}));
            expect(outputs()).to.deep.equal({ value: "made", recoveryPoints: ["n1", "n2"] });
        });

        it("is not begun anew where it is missing", async () => {
            editOutputs((outputs) => delete outputs["recoveryPoints"]);
            const text = /output `recoveryPoints` of this stack is missing/;
            expectRefusal(await up({ run: "n3" }, goOn), text);
            succeeded(await up({ labels: '["n1","n2"]' }));
            expect(outputs()["recoveryPoints"]).to.deep.equal(["n1", "n2"]);
        });

        if (sdk === "oldest") {
            // The rest is the engine's, or decided by what these have shown to be read.
            return;
        }

        it("stays, with a list in the program that is an old one", async () => {
            const { diagnostics } = succeeded(await up({ labels: '["n1"]' }));
            expect(diagnostics).to.match(/remove `labels`, because it is not used/);
        });

        it("stays where a night is left out by --target", async () => {
            const { diagnostics } = failed(await up({ run: "n3" }, ["--target", "**::unrelated"]));
            expect(diagnostics).to.match(/^recovery point "n3" is not made. The list stays as it was/m);
            expect(diagnostics).not.to.match(/ at notMade/);
            expect(outputs()["recoveryPoints"]).to.deep.equal(["n1", "n2"]);
        });

        it("stays in a refresh that runs the program, which takes no night", async () => {
            for (const run of ["n3", ""]) {
                await project.setConfig({ ...NOTHING, run });
                const { code } = await project.refresh({ args: ["--run-program"] });
                expect(code === 0).to.equal(run === "");
                expect(outputs()["recoveryPoints"]).to.deep.equal(["n1", "n2"]);
            }
        });

        it("is not begun anew under another name", async () => {
            const text = /output `points` of this stack is missing/;
            expectRefusal(await up({ output: "points" }, goOn), text);
            succeeded(await up({ output: "points", labels: '["n1","n2"]' }));
            expect(outputs()["points"]).to.deep.equal(["n1", "n2"]);
        });
    });
}
