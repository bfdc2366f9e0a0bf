import { spawnSync } from "node:child_process";
import { expect } from "chai";

/** Under CI a skipped test is a failure; not every laptop has shellcheck. */
export function expectNoWarnings(test: Mocha.Context, script: string): void {
    const { error, status, stdout } = spawnSync("shellcheck", ["-s", "sh", "-"], {
        input: script,
        encoding: "utf8",
    });
    if (error !== undefined) {
        test.skip();
    }
    expect(stdout).to.equal("");
    expect(status).to.equal(0);
}
