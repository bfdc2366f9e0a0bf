import { spawn } from "node:child_process";
import { once } from "node:events";

describe("a file", () => {
    it("leaves an orphan in a session of its own", async () => {
        const command = ["-f", "sleep", "86397"];
        await once(spawn("setsid", command, { stdio: "ignore" }), "exit");
    });
});
