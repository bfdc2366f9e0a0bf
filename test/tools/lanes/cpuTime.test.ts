import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { assert } from "chai";
import { cpuTime } from "../../../tools/lanes/cpuTime";

/** Computes for half a second of processor time. */
const COMPUTES = "do for (let i = 0; i < 1e6; i++); while (process.cpuUsage().user < 500_000);";

describe("the processor time of a lane", function () {
    before(function () {
        if (!existsSync("/proc/self/stat")) {
            this.skip();
        }
    });

    it("counts children that have ended", () => {
        const before = cpuTime(process.pid);
        execFileSync(process.execPath, ["-e", COMPUTES]);
        assert.isAtLeast(cpuTime(process.pid) - before, 0.4);
    });

    it("counts children that still run, and theirs", async () => {
        const before = cpuTime(process.pid);
        const program = `${COMPUTES} process.stdout.write("done"); setInterval(() => {}, 1000);`;
        const child = spawn("sh", ["-c", '"$0" -e "$1" & wait', process.execPath, program], {
            detached: true,
            stdio: ["ignore", "pipe", "inherit"],
        });
        try {
            await once(child.stdout, "data");
            assert.isAtLeast(cpuTime(process.pid) - before, 0.4);
        } finally {
            process.kill(-child.pid!, "SIGKILL");
        }
    });
});
