import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "chai";
import { Lane } from "../../../tools/lanes/lane";
import { needsRoot } from "../../../lab/hosts/sshHost";

const file = (name: string) => join(__dirname, `files/${name}.ts`);

describe("a lane", function () {
    let folder: string;
    let lane: Lane;
    before(function () {
        needsRoot(this);
    });
    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "acs-lane-test-"));
        lane = new Lane({ folder: join(folder, "1"), shared: folder, distance: "whole" });
    });
    afterEach(async () => {
        await lane.kill();
        rmSync(folder, { recursive: true, force: true });
    });

    it("runs one file after the other, away from all others", async () => {
        const { passed, skipped, failures, seconds } = await lane.run(file("passes"));
        assert.deepEqual({ passed, skipped, failures }, { passed: 1, skipped: 1, failures: [] });
        assert.isAbove(seconds, 0);
        const failed = await lane.run(file("fails"));
        assert.equal(failed.passed, 0);
        assert.lengthOf(failed.failures, 1);
        assert.match(failed.failures[0]!, /^a file\n\s+fails:\n[^]*expected 1 to equal 2[^]*fails\.ts:6/);
        assert.equal(failed.output, "said before it failed\n");
        await lane.end();
        assert.isTrue(lane.ended);
        assert.isFalse(existsSync(join(folder, "1")));
    });

    it("tells which file has ended it", async () => {
        const { passed, failures, output } = await lane.run(file("ends"));
        assert.equal(passed, 0);
        assert.deepEqual(failures, [`${file("ends")} has ended its process: exit code 3`]);
        assert.equal(output, "said before it ended\n");
        assert.isTrue(lane.ended);
    });

    it("gives tests more time than they have alone", async () => {
        assert.deepEqual((await lane.run(file("waits"))).failures, []);
    });

    it("tells of a file that does not load", async () => {
        const { failures } = await lane.run(file("is-not-there"));
        assert.lengthOf(failures, 1);
        assert.include(failures[0], "is-not-there");
    });

    it("takes with it all that its tests have left", async () => {
        assert.deepEqual((await lane.run(file("leaves"))).failures, []);
        assert.lengthOf(left(), 1);
        await lane.end();
        assert.lengthOf(left(), 0);
    });
});

function left(): string[] {
    return readdirSync("/proc").filter((pid) => {
        try {
            return readFileSync(`/proc/${pid}/cmdline`, "utf8") === "sleep\x0086397\0";
        } catch {
            return false; // ended in between, or no process
        }
    });
}
