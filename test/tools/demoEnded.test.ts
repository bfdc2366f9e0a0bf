import { assert } from "chai";
import { spawn } from "node:child_process";
import { ended } from "../../tools/demo/ended";
import { rejection } from "../../lab/rejection";

describe("a command of the demo", () => {
    const run = (script: string, interruption: AbortController) =>
        ended(spawn("sh", ["-c", script]), "a command", interruption);

    for (const [script, message, interrupts] of [
        ["exit 3", '"a command" ended with 3', false],
        ["kill -KILL $$", '"a command" ended with SIGKILL', false],
        ["kill -INT $$", '"a command" ended with SIGINT', true],
        ["kill -TERM $$", '"a command" ended with SIGTERM', true],
        ["kill -HUP $$", '"a command" ended with SIGHUP', true],
    ] as const) {
        it(`${script}: fails and ${interrupts ? "is" : "is not"} an interruption`, async () => {
            const interruption = new AbortController();
            assert.equal((await rejection(run(script, interruption))).message, message);
            assert.equal(interruption.signal.aborted, interrupts);
        });
    }

    it("that succeeds is none", async () => {
        const interruption = new AbortController();
        await run("true", interruption);
        assert.isFalse(interruption.signal.aborted);
    });

    it("is waited for no longer when the demo is interrupted", async () => {
        const interruption = new AbortController();
        const child = spawn("sleep", ["60"]);
        try {
            const waiting = rejection(ended(child, "a command", interruption));
            interruption.abort();
            assert.equal((await waiting).message, '"a command" did not end');
        } finally {
            child.kill("SIGKILL");
        }
    });
});
