import { spawn } from "node:child_process";
import { once } from "node:events";

describe("a file", () => {
    it("leaves a process in a session of its own", async () => {
        const left = spawn("sleep", ["86397"], { detached: true, stdio: "ignore" });
        left.unref();
        // Which comes when the program runs, not when its process is there.
        await once(left, "spawn");
    });
});
