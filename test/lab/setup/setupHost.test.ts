import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../../../lab/engine/engine";

describe("the set-up of the ssh host", () => {
    /** Wants one command that no machine has, where the set-up may not install anything. */
    const setUpDemo = (): string => {
        const script = `
            import(${JSON.stringify(join(ROOT, "lab/setup/setupHost.mjs"))}).then(({ setupHost, DEMO_COMMANDS }) => {
                DEMO_COMMANDS.push({ command: "no-such-command", package: "its-package" });
                setupHost({ purpose: "demo", log: console.log });
            }).catch(({ message }) => console.log(message));`;
        const env = { PATH: process.env["PATH"], CI: "false" };
        return spawnSync(process.execPath, ["-e", script], { env, encoding: "utf8", timeout: 60_000 }).stdout;
    };

    it("says what is missing and how to get it", () => {
        expect(setUpDemo()).to.match(
            /missing on this machine: no-such-command\. .*apt-get install its-package/,
        );
    });
});
