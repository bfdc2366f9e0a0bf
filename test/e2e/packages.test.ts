import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "chai";
import type * as TypeScript from "typescript";
import { BARE_KINDS, setupInstall } from "../../lab/setup/setupInstall.mjs";
import { failed, type Lab, startLab, succeeded } from "../../lab/engine/e2e";
import { ROOT } from "../../lab/engine/engine";

const PACKAGE = "pulumi-app-consistent-snapshot";
/** As programs import it. */
const PROGRAM = `import { AppConsistentAmi, AppConsistentSnapshot, recipes, recoveryPoints } from "${PACKAGE}";
import { AppConsistentReplica } from "${PACKAGE}/components";
import type { AppConsistentReplicaArgs, LaunchArgs } from "${PACKAGE}/components";
import { mysql } from "${PACKAGE}/recipes";
import type { RecipeScripts } from "${PACKAGE}/recipes";
export const pair: RecipeScripts = mysql();
export const same: boolean = mysql === recipes.mysql;
export const classes = [AppConsistentAmi, AppConsistentReplica, recoveryPoints].map((one: Function) => one.name);
export type Args = AppConsistentReplicaArgs & { launch: LaunchArgs };
`;

describe("the package in a project without @pulumi/aws", function () {
    this.timeout(600_000);
    let lab: Lab;
    before(async () => (lab = await startLab()));
    after(() => lab.stop());

    const snapshot = () => `const snapshot = new AppConsistentSnapshot("nightly", {
    instanceId: "${lab.server.instanceId}",
    quiesce: { method: "none" },
});
`;

    for (const install of BARE_KINDS) {
        it(`takes a snapshot: ${install}`, async () => {
            const program = `${PROGRAM}${snapshot()}export const { snapshotIds } = snapshot;`;
            const project = await lab.project({ program, install });
            expect(existsSync(join(project.folder, "node_modules/@pulumi/aws"))).to.be.false;
            const { outputs } = succeeded(await project.up());
            expect(outputs["snapshotIds"]).to.have.length(3);
            expect(outputs).to.deep.include({
                same: true,
                classes: ["AppConsistentAmi", "AppConsistentReplica", "recoveryPoints"],
            });
            succeeded(await project.destroy());
        });
    }

    it("wants no plugin of AWS, and says what components need", async () => {
        const program = `${PROGRAM}${snapshot()}new AppConsistentAmi("image", { snapshot });`;
        const project = await lab.project({ program, install: "bare-npm" });
        const { stdout } = await project.run(["plugin", "ls", "--project"]);
        expect(stdout).not.to.match(/aws/);
        const ami = failed(await project.preview()).diagnostics;
        expect(ami).to.match(
            /AppConsistentAmi needs the package @pulumi\/aws, .*Install it by npm install @pulumi\/aws@7/,
        );
        project.setProgram(
            `${PROGRAM}${snapshot()}new AppConsistentReplica("copy", { snapshot, launch: { instanceType: "m5.large", subnetId: "subnet-1", vpcSecurityGroupIds: ["sg-1"] } });`,
        );
        const replica = failed(await project.preview()).diagnostics;
        expect(replica).to.match(/AppConsistentReplica needs the package @pulumi\/aws/);
    });
});

describe("the entry points of the package", function () {
    this.timeout(300_000);
    let folder = "";
    before(() => {
        folder = setupInstall({ root: ROOT, kind: "pack-npm", log: (line) => console.log(line) });
    });
    const run = (code: string, type = "commonjs"): unknown =>
        JSON.parse(
            execFileSync(process.execPath, [`--input-type=${type}`, "-e", code], {
                cwd: folder,
                encoding: "utf8",
            }),
        );

    it("are found by require, with and without .js, as states of all versions name them", () => {
        const found = run(`
const provider = (name) => typeof require("${PACKAGE}/bin/provider/" + name).provider.create;
console.log(JSON.stringify([
    provider("snapshotProvider"), provider("snapshotProvider.js"), provider("hostKeysProvider"),
    require("${PACKAGE}/package.json").name,
]));`);
        expect(found).to.deep.equal(["function", "function", "function", PACKAGE]);
    });

    it("have a command, whose exit code says what went wrong", () => {
        const command = (...args: string[]) =>
            spawnSync(join(folder, "node_modules/.bin", PACKAGE), args, {
                env: { PATH: process.env["PATH"] ?? "", AWS_EC2_METADATA_DISABLED: "true" },
                encoding: "utf8",
                timeout: 60_000,
            });
        const id = "acs-01a22efa-06ed-7a18-9c9f-53cd729ea3bc";
        expect(command("import", "--help")).to.deep.include({ status: 0, stderr: "" });
        expect(command("--help").stdout).to.match(/^Usage: npx pulumi-app-consistent-snapshot import/);
        const refused = command("import", id);
        expect(refused).to.deep.include({ status: 1, stdout: "" });
        expect(refused.stderr).to.match(/^WRONG_REGION: No AWS region is set\. What to do: .*\n$/);
        for (const args of [[], ["export"], ["import"], ["import", id, "--to", "a"]]) {
            const { status, stdout, stderr } = command(...args);
            expect([status, stdout]).to.deep.equal([2, ""]);
            expect(stderr).to.match(/^.+\n\nUsage: npx /);
        }
    });

    it("are found by import, with all of their names", () => {
        const found = run(
            `
import * as index from "${PACKAGE}";
import { AppConsistentAmi, AppConsistentSnapshot, recipes, reasonCodes } from "${PACKAGE}";
import * as components from "${PACKAGE}/components";
import { mysql } from "${PACKAGE}/recipes";
console.log(JSON.stringify([
    components.AppConsistentAmi === AppConsistentAmi && mysql === recipes.mysql && index.recipes === recipes,
    typeof AppConsistentSnapshot, Array.isArray(reasonCodes), Object.keys(components).filter((name) => /^[A-Za-z]+$/.test(name)).sort(),
]));`,
            "module",
        );
        expect(found).to.deep.equal([
            true,
            "function",
            true,
            ["AppConsistentAmi", "AppConsistentReplica", "default", "recoveryPoints"],
        ]);
    });

    it("load nothing of @pulumi/aws, although it is there", () => {
        const loaded = run(`
require.resolve("@pulumi/aws");
for (const name of ["", "/components", "/recipes"]) require("${PACKAGE}" + name);
console.log(JSON.stringify(Object.keys(require.cache).filter((path) => path.includes("@pulumi/aws"))));`);
        expect(loaded).to.deep.equal([]);
    });

    it("are told by name where a program's own function uses them in Pulumi's serialized form", () => {
        const text = run(`
const { runtime } = require("@pulumi/pulumi");
const { recipes, reasonCodes } = require("${PACKAGE}");
runtime.serializeFunction(() => [recipes.mysql, reasonCodes]).then(({ text }) => console.log(JSON.stringify(text)));`);
        const names = [...String(text).matchAll(/require\("(pulumi-app[^"]+)"\)/g)].map(
            ([, name]) => name ?? "",
        );
        expect(names).to.include(`${PACKAGE}/recipes`);
        for (const name of names) {
            expect(run(`require("${name}"); console.log("true")`)).to.equal(true);
        }
    });

    const types: [name: string, compiler: string, options: object][] = [
        ["Pulumi's own TypeScript 3.8", "vendored", { module: 1, moduleResolution: 2 }],
        [
            "moduleResolution node",
            "typescript",
            { module: 1, moduleResolution: 2, ignoreDeprecations: "6.0" },
        ],
        ["moduleResolution node16", "typescript", { module: 100, moduleResolution: 3 }],
        ["moduleResolution nodenext", "typescript", { module: 199, moduleResolution: 99 }],
        ["moduleResolution bundler", "typescript", { module: 99, moduleResolution: 100 }],
    ];
    for (const [name, compiler, options] of types) {
        it(`have types for ${name}`, () => {
            const file = join(folder, "entry-points.ts");
            writeFileSync(file, PROGRAM);
            try {
                expect(diagnosticsOf(file, compiler, options)).to.deep.equal([]);
            } finally {
                rmSync(file);
            }
        });
    }

    function diagnosticsOf(file: string, compiler: string, options: object): string[] {
        const require = createRequire(join(folder, "index.js"));
        const pulumi = require.resolve("@pulumi/pulumi/package.json");
        const path =
            compiler === "vendored" ? join(pulumi, "../vendor/typescript@3.8.3/typescript.js") : "typescript";
        const ts = require(path) as typeof TypeScript;
        const program = ts.createProgram([file], {
            strict: true,
            noEmit: true,
            skipLibCheck: true,
            target: ts.ScriptTarget.ES2018,
            types: [],
            ...options,
        });
        const source = program.getSourceFile(file);
        return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
            ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"),
        );
    }
});
