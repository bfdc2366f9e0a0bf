import {
    appendFileSync,
    cpSync,
    existsSync,
    readFileSync,
    realpathSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type * as TypeScript from "typescript";
import { INSTALL_KINDS } from "../../lab/setup/setupInstall.mjs";
import {
    failed,
    hooksOf,
    type Lab,
    outputsOf,
    programOf,
    providerTextOf,
    startLab,
    succeeded,
} from "../../lab/engine/e2e";
import { ROOT } from "../../lab/engine/engine";
import { consoleOutputOfHostKeys } from "../../lab/cloud/localCloud";
import type { Project } from "../../lab/engine/project";

const PACKAGE = "pulumi-app-consistent-snapshot";
const PROVIDER_LIMIT_BYTES = 2000;

describe("the installed package", function () {
    this.timeout(400_000);
    let lab: Lab;
    let program = "";
    before(async () => {
        lab = await startLab();
        const { instanceId, host } = lab.server;
        await lab.cloud.setConsoleOutput(instanceId, consoleOutputOfHostKeys([...host.hostKeyLines]));
        program = programOf(
            { instanceId, quiesce: { method: "none" } },
            { after: `new InstanceHostKeys("keys", { instanceId: ${JSON.stringify(instanceId)} });` },
        );
    });
    after(() => lab.stop());

    const providersOf = (project: Project): string[] =>
        ["AppConsistentSnapshot", "InstanceHostKeys"].map((type) => providerTextOf(project, type));

    it("is stored as the same small text, however it was installed", async () => {
        const texts = new Map<string, string[]>();
        for (const install of INSTALL_KINDS) {
            const project = await lab.project({ program, install });
            succeeded(await project.up());
            texts.set(install, providersOf(project));
            succeeded(await project.destroy());
        }
        const [first, ...others] = texts.values();
        for (const other of others) {
            expect(other).to.deep.equal(first);
        }
        for (const text of first ?? []) {
            console.log(`        ${Buffer.byteLength(text)} bytes`);
            expect(Buffer.byteLength(text)).to.be.lessThan(PROVIDER_LIMIT_BYTES);
            expect(text).to.include(`${PACKAGE}/bin/provider/`);
        }
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });

    it("shows no diff after an upgrade, and destroys with the version that is installed", async () => {
        const project = await lab.project({ program });
        const folder = project.ownPackage();
        succeeded(await project.up());
        upgrade(folder);
        succeeded(await project.preview({ args: ["--expect-no-changes", "--diff"] }));
        expect(succeeded(await project.up()).summary).to.deep.equal({ same: 3 });

        // Nothing counts as done while the package is away.
        const away = `${folder}-away`;
        renameSync(folder, away);
        expect(failed(await project.destroy()).diagnostics).to.match(/Cannot find module/);
        renameSync(away, folder);
        expect(await lab.cloud.snapshots()).to.have.length(3);
        const { stdout } = succeeded(await project.destroy());
        expect(stdout).to.match(/removed by version 99/);
        expect(await lab.cloud.snapshots()).to.deep.equal([]);
    });

    it("is read by the TypeScript that Pulumi brings along, in a project without one", async () => {
        const project = await lab.project({ program: programOf(hooksOf(lab.server)), typeCheck: true });
        project.ownPackage();
        const modules = join(project.folder, "node_modules");
        rmSync(join(modules, "typescript"));
        writeFileSync(
            join(project.folder, "tsconfig.json"),
            JSON.stringify({
                compilerOptions: { strict: true, target: "es2018", module: "commonjs", types: [] },
                files: ["index.ts"],
            }),
        );
        // Node resolves links, and would find the compiler beside the real @pulumi/pulumi.
        const shared = realpathSync(join(modules, "@pulumi"));
        rmSync(join(modules, "@pulumi"));
        cpSync(shared, join(modules, "@pulumi"), { recursive: true });
        project.setProgram(
            `declare const require: any;\n${programOf(hooksOf(lab.server), {
                after: 'export const compiler = require("@pulumi/pulumi/typescript-shim").version;',
            })}`,
        );
        succeeded(await project.preview());
        succeeded(await project.up());
        expect((await project.outputs())["compiler"]).to.match(/^3\.8/);
        expect(outputsOf(await project.outputs()).consistencyLevel).to.equal("application");
        project.setProgram(programOf({ ...hooksOf(lab.server), descriptoin: "typo" }));
        const { code, diagnostics } = await project.preview();
        expect(code).not.to.equal(0);
        expect(diagnostics).to.match(/"descriptoin"' does not exist in type 'AppConsistentSnapshotArgs'/);
        succeeded(await project.destroy());
    });

    it("declares its types in terms of @pulumi/pulumi alone", () => {
        const files = declarationsReachableFrom(join(ROOT, "bin/index.d.ts"));
        expect(files.size).to.be.greaterThan(2);
        for (const imports of files.values()) {
            for (const name of imports) {
                expect(name).to.match(/^(\.{1,2}\/|@pulumi\/pulumi$)/);
            }
        }
        expect(diagnosticsOfVendoredTypeScript([...files.keys()])).to.deep.equal([]);
    });
});

/** Puts a newer version in place of the installed one. */
function upgrade(folder: string): void {
    const manifest = join(folder, "package.json");
    const contents = JSON.parse(readFileSync(manifest, "utf8")) as object;
    writeFileSync(manifest, JSON.stringify({ ...contents, version: "99.0.0" }));
    appendFileSync(
        join(folder, "bin/provider/lifecycle/deleteSnapshot.js"),
        `
const before = exports.deleteSnapshot;
exports.deleteSnapshot = async (...args) => {
    console.log("removed by version 99");
    await before(...args);
};
`,
    );
}

/** The declaration files that a user's compiler reads, each with the names that it imports from. */
function declarationsReachableFrom(entry: string): Map<string, string[]> {
    const found = new Map<string, string[]>();
    const open = [entry];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
        if (found.has(file)) {
            continue;
        }
        const text = readFileSync(file, "utf8");
        const imports = [...text.matchAll(/(?:from|import\(|require\()\s*["']([^"']+)["']/g)].map(
            ([, name = ""]) => name,
        );
        found.set(file, imports);
        for (const name of imports.filter((one) => one.startsWith("."))) {
            const base = join(dirname(file), name);
            open.push(existsSync(`${base}.d.ts`) ? `${base}.d.ts` : join(base, "index.d.ts"));
        }
    }
    return found;
}

/** What the compiler that Pulumi brings along has to say about these files themselves. */
function diagnosticsOfVendoredTypeScript(files: string[]): string[] {
    const pulumi = createRequire(join(ROOT, "index.js")).resolve("@pulumi/pulumi/package.json");
    const path = join(dirname(pulumi), "vendor/typescript@3.8.3/typescript.js");
    const ts = createRequire(path)(path) as typeof TypeScript;
    expect(ts.version).to.match(/^3\.8/);
    const program = ts.createProgram(files, {
        strict: true,
        target: ts.ScriptTarget.ES2018,
        module: ts.ModuleKind.CommonJS,
        types: [],
    });
    return ts
        .getPreEmitDiagnostics(program)
        .filter(({ file }) => files.includes(file?.fileName ?? ""))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}
