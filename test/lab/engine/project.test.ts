import { appendFileSync, existsSync } from "node:fs";
import { expect } from "chai";
import { INSTALL_KINDS } from "../../../lab/setup/setupInstall.mjs";
import { ROOT } from "../../../lab/engine/engine";
import { makeProject, type Project } from "../../../lab/engine/project";

/** Tells what node finds from the project: the real place of the package, and what it must not find. */
const PROGRAM = `
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

const folder = "node_modules/pulumi-app-consistent-snapshot";
const canResolve = (name: string) => {
    try {
        return Boolean(require.resolve(name));
    } catch {
        return false;
    }
};
export const realPath = realpathSync(folder);
export const manifest = readFileSync(join(folder, "package.json"), "utf8");
export const findsPulumi = canResolve("@pulumi/pulumi");
export const findsToolsOfTheRepository = canResolve("mocha");
`;

describe("a project of the tests", function () {
    this.timeout(300_000);

    let project: Project;
    afterEach(() => project.dispose());

    for (const install of INSTALL_KINDS) {
        it(`has the package as a user's project has it: ${install}`, async () => {
            project = await makeProject({ program: PROGRAM, install });
            const { code, stdout, outputs } = await project.up();
            expect(code, stdout).to.equal(0);
            expect(outputs).to.include({ findsPulumi: true, findsToolsOfTheRepository: false });
            expect(outputs["realPath"] === ROOT).to.equal(install.startsWith("link"));
        });
    }

    it("runs a program in a subfolder", async () => {
        project = await makeProject({
            program: "export const where = process.cwd();",
            main: "infra/index.ts",
        });
        const { code, stdout, outputs } = await project.up();
        expect(code, stdout).to.equal(0);
        expect(outputs["where"]).to.match(/infra$/);
    });

    const isTranslated = `export const isTranslated = require.extensions[".ts"] !== undefined;`;

    it("does not load what translates TypeScript for a program in JavaScript", async () => {
        project = await makeProject({ program: isTranslated });
        expect((await project.up()).outputs).to.deep.equal({ isTranslated: false });
    });

    it("can have a program in TypeScript", async () => {
        project = await makeProject({ program: isTranslated, typeCheck: true });
        expect((await project.up()).outputs).to.deep.equal({ isTranslated: true });
    });

    it("can have a copy of the package of its own, which others do not see", async () => {
        project = await makeProject({ program: PROGRAM });
        appendFileSync(`${project.ownPackage()}/package.json`, "\n// changed");
        expect((await project.up()).outputs["manifest"]).to.match(/changed/);

        const other = await makeProject({ program: PROGRAM });
        const { outputs } = await other.up().finally(() => other.dispose());
        expect(outputs["manifest"]).not.to.match(/changed/);
    });

    it("leaves no files", async () => {
        project = await makeProject({ program: PROGRAM });
        await project.dispose();
        expect(existsSync(project.folder)).to.be.false;
    });
});
