import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../../../lab/engine/engine";

const PLUGINS = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];

describe("the set-up of the engine", () => {
    let folder: string;
    beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), "acs-engine-")))));
    afterEach(() => rmSync(folder, { recursive: true }));

    /** An installation that is found by a link in a folder on PATH, as package managers make them. */
    const installPulumi = (version: string, plugins: string[]): void => {
        mkdirSync(join(folder, "home"));
        mkdirSync(join(folder, "path"));
        writeFileSync(join(folder, "home/pulumi"), `#!/bin/sh\necho ${version}\n`);
        chmodSync(join(folder, "home/pulumi"), 0o755);
        for (const plugin of plugins) {
            writeFileSync(join(folder, "home", plugin), "");
        }
        symlinkSync(join(folder, "home/pulumi"), join(folder, "path/pulumi"));
    };

    /** Without Go and in an empty repository, so that nothing can be built. */
    const setUp = (): { stdout: string; stderr: string } => {
        const script = `
            import(${JSON.stringify(join(ROOT, "lab/setup/setupEngine.mjs"))})
                .then(({ setupEngine }) => console.log(setupEngine({ root: process.cwd(), log: console.log })))
                .catch(({ message }) => console.error(message));`;
        const env = { PATH: join(folder, "path") };
        return spawnSync(process.execPath, ["-e", script], {
            cwd: folder,
            env,
            encoding: "utf8",
            timeout: 60_000,
        });
    };

    it("takes an installed Pulumi with its plugins", () => {
        installPulumi("v3.200.0", PLUGINS);
        expect(setUp().stdout.trim()).to.equal(join(folder, "home"));
    });

    const refused: [string, string, string[]][] = [
        ["too old", "v3.199.9", PLUGINS],
        ["of another major version", "v2.300.0", PLUGINS],
        ["without its language host", "v3.274.1", PLUGINS.slice(1)],
        ["that says no version", "", PLUGINS],
    ];
    for (const [what, version, plugins] of refused) {
        it(`does not take an installed Pulumi ${what}, and says what to install`, () => {
            installPulumi(version, plugins);
            expect(setUp().stderr).to.match(
                /no Pulumi 3\.200 or newer on PATH, and no Go .*Install Pulumi .* or Go 1\.26/,
            );
        });
    }
});
