import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(__dirname, "../../..");
const SCRIPTS = ["provider/quiesce/guard.sh", "test/support/sshHostInit.sh"];

describe("the guard's text", () => {
    it("has nothing that shellcheck warns of in a POSIX sh", function () {
        const { error, status, stdout } = spawnSync("shellcheck", ["-s", "sh", ...SCRIPTS], {
            cwd: ROOT,
            encoding: "utf8",
        });
        if (error !== undefined) {
            // Not on every laptop; under CI a skipped test is a failure.
            this.skip();
        }
        expect(stdout).to.equal("");
        expect(status).to.equal(0);
    });
});
