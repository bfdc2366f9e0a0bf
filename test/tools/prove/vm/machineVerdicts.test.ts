import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineResult } from "../../../../lab/engine/project";
import type { BootResult } from "../../../../tools/prove/vm/bootTrial";
import { endOf, flawsOf } from "../../../../tools/prove/vm/faultTrial";
import { FAULTS } from "../../../../tools/prove/vm/faults";
import { mountProblems, readBootLog } from "../../../../tools/prove/vm/lookAtCopy";
import { bootHolds, machineReport } from "../../../../tools/prove/vm/machineReport";
import { loginIn, notSeenIn, type RestoreResult } from "../../../../tools/prove/vm/restoreTrial";
import { patiently, wasTooSlow } from "../../../../tools/prove/vm/patiently";
import { Results } from "../../../../tools/prove/vm/results";
import { inScenes } from "../../../../tools/prove/vm/series";
import { reasonCodes } from "../../../../provider/base/errors";

const GOOD = { lost: 0, after: 0, gaps: 0, transactions: 100, replays: 0, recovered: true, problems: [] };
const BOOT: BootResult = {
    level: "application",
    vouchedBy: "recipe:postgresql+fileSystems",
    freezeWindowMs: 40,
    bootSeconds: 20,
    recoverySeconds: 30,
    rootReplayed: true,
    database: GOOD,
    files: { ...GOOD, recovered: false },
};

describe("what a machine that booted from a set is found to be", () => {
    const CLEAN = "/dev/mapper/data-data: clean, 1034/130560 files, 60226/522240 blocks";
    const MOUNTED = "EXT4-fs (dm-0): mounted filesystem with ordered data mode. Quota mode: none.";
    const cases: readonly [what: string, lines: string[], clean: boolean, root: boolean, problems: number][] =
        [
            ["clean", [CLEAN, MOUNTED], true, false, 0],
            [
                "clean, with the root file system replayed by its checker",
                ["root: recovering journal", CLEAN],
                true,
                true,
                0,
            ],
            [
                "clean, with the root file system replayed by the kernel",
                ["EXT4-fs (nvme0n1p1): recovery complete", CLEAN],
                true,
                true,
                0,
            ],
            [
                "replayed by the checker",
                ["/dev/mapper/data-data: recovering journal", CLEAN],
                false,
                false,
                0,
            ],
            ["replayed by the kernel", [CLEAN, "EXT4-fs (dm-0): recovery complete"], false, false, 0],
            ["never looked at", [MOUNTED], false, false, 0],
            [
                "broken",
                [CLEAN, "EXT4-fs error (device dm-0): ext4_lookup:1855: deleted inode referenced"],
                true,
                false,
                1,
            ],
            [
                "XFS that recovers, as after each freeze",
                [CLEAN, "XFS (nvme3n1p1): Starting recovery (logdev: internal)"],
                true,
                false,
                0,
            ],
            [
                "XFS that is broken",
                [CLEAN, "XFS (nvme3n1p1): Corruption detected. Unmount and run xfs_repair"],
                true,
                false,
                1,
            ],
        ];
    for (const [what, lines, dataIsClean, rootReplayed, problems] of cases) {
        it(`its boot log: ${what}`, () => {
            const log = readBootLog(lines);
            expect(log).to.include({ dataIsClean, rootReplayed });
            expect(log.problems).to.have.lengthOf(problems);
        });
    }

    it("what is not mounted is named", () => {
        const data = "/mnt/data /dev/mapper/data-data ext4";
        expect(mountProblems([data, "/mnt/log   xfs"])).to.deep.equal([]);
        expect(mountProblems([data])).to.deep.equal(["not mounted: /mnt/log xfs"]);
        expect(mountProblems(["/mnt/data /dev/nvme1n1 ext4", "/mnt/log xfs"])).to.have.lengthOf(1);
    });

    it("holds only if nothing is missing, of the database and of the files", () => {
        expect(bootHolds(BOOT)).to.equal(true);
        expect(bootHolds({ ...BOOT, level: "crash" })).to.equal(false);
        expect(bootHolds({ ...BOOT, database: { ...GOOD, lost: 1 } })).to.equal(false);
        expect(bootHolds({ ...BOOT, files: { ...GOOD, replays: 1 } })).to.equal(false);
        expect(bootHolds({ ...BOOT, files: { ...GOOD, transactions: 0 } })).to.equal(false);
    });

    it("a set that claims nothing has no flaws; one that does has each of them", () => {
        const broken = { ...BOOT, database: { ...GOOD, lost: 1, problems: ["failed: a.service"] } };
        expect(flawsOf({ ...broken, level: "crash" })).to.deep.equal([]);
        expect(flawsOf(broken)).to.have.lengthOf(2);
        expect(flawsOf(BOOT)).to.deep.equal([]);
    });
});

describe("how an up with a fault in it ended", () => {
    const line = (code: string) => ` +  proof creating (59s) error: ${code} (i-0): Something. State: ...`;
    const cases: readonly [what: string, code: number, stdout: string, end: string][] = [
        ["well", 0, "warning: error: THAW_PENDING (i-0)", "succeeded"],
        ["by a code", 255, line("HOLD_UNPROVEN"), "HOLD_UNPROVEN"],
        [
            "by a code, with its state saved",
            255,
            "error: 1 error occurred:\n    \t* THAW_PENDING (i-0): It. [PRE_FREEZE_TIMEOUT] The",
            "THAW_PENDING",
        ],
        ["by what is no code", 255, line("SOME_THING"), "an unknown failure"],
        ["without a word", 255, "", "an unknown failure"],
    ];
    for (const [what, code, stdout, end] of cases) {
        it(what, () => expect(endOf({ code, stdout })).to.equal(end));
    }

    it("each fault may end only in ways that there are", () => {
        for (const { name, mayEnd } of FAULTS) {
            expect(["succeeded", ...reasonCodes], name).to.include.members([...mayEnd]);
        }
    });
});

describe("an up for which the machine is too slow", () => {
    const SLOW =
        'error: PRE_FREEZE_FAILED (i-0): The pre-freeze script exited with 1. Its stderr ends: "PostgreSQL goes on to write: ' +
        'not within 40 s. Of these, postgresql took 10 s". State: the instance is awake';
    const ended = (code: number, stdout: string) => ({ code, stdout }) as EngineResult;

    it("is one that the recipe itself refused for the time it took", () => {
        expect(wasTooSlow(ended(255, SLOW))).to.equal(true);
        expect(wasTooSlow(ended(0, SLOW))).to.equal(false);
        expect(wasTooSlow(ended(255, 'error: PRE_FREEZE_FAILED (i-0): "no such database"'))).to.equal(false);
        expect(wasTooSlow(ended(255, "error: THAW_PENDING (i-0): not within 40 s"))).to.equal(false);
    });

    it("is tried again, and counted; what ends otherwise, and the fifth, stands", async () => {
        const tried = async (...codes: number[]) => {
            let left = codes;
            const up = async () => {
                const [code = 0] = left;
                left = left.slice(1);
                return await Promise.resolve(ended(code, SLOW));
            };
            const { result, refused } = await patiently(up);
            return [result.code, refused, left.length];
        };
        expect(await tried(0)).to.deep.equal([0, 0, 0]);
        expect(await tried(255, 255, 0)).to.deep.equal([0, 2, 0]);
        expect(await tried(255, 255, 255, 255, 255, 0)).to.deep.equal([255, 4, 1]);
    });
});

describe("what a restore test in the machine is found to be", () => {
    const SAID =
        "  verify: began after 43.20 s, sshd was ready after 41200000 us\n  verify: PostgreSQL answered after 0 s\n" +
        "  verify: read whole by pg_amcheck in 9 s\n  verify: checksums of pages: on\n";

    it("its login, by the clock of the copy", () => {
        expect(loginIn(SAID).loginSeconds).to.be.closeTo(2, 0.001);
        expect(loginIn("verify: nothing of it")).to.deep.equal({});
    });

    it("what the recipe did not say is named", () => {
        expect(notSeenIn(SAID)).to.deep.equal([]);
        expect(notSeenIn(SAID.replace("pg_amcheck", "pg_dumpall"))).to.have.lengthOf(1);
        expect(notSeenIn("")).to.have.lengthOf(3);
    });
});

describe("tasks in scenes", () => {
    /** What happens, with scenes by number, and tasks that fail by their names. */
    const happened = async (tasks: string[], broken: readonly number[] = []) => {
        const events: string[] = [];
        let scenes = 0;
        await inScenes(
            tasks,
            () => {
                const scene = (scenes += 1);
                if (broken.includes(scene)) {
                    return Promise.reject(new Error(`scene ${scene}`));
                }
                return Promise.resolve({
                    take: async (task: string) => {
                        await Promise.resolve();
                        if (task.startsWith("bad")) {
                            throw new Error(task);
                        }
                        events.push(`${scene} ${task}`);
                    },
                    close: async () => {
                        await Promise.resolve();
                        events.push(`${scene} closed`);
                    },
                });
            },
            (task, error) => events.push(`${task}: ${(error as Error).message}`),
        );
        return events;
    };

    it("are all in one, as long as each can be done", async () => {
        expect(await happened(["a", "b"])).to.deep.equal(["1 a", "1 b", "1 closed"]);
        expect(await happened([])).to.deep.equal([]);
    });

    it("go on in a new one after one that failed, which is told of", async () => {
        expect(await happened(["a", "bad", "b"])).to.deep.equal([
            "1 a",
            "bad: bad",
            "1 closed",
            "2 b",
            "2 closed",
        ]);
        expect(await happened(["bad"])).to.deep.equal(["bad: bad", "1 closed"]);
    });

    it("a scene that cannot be opened costs one task, and no more", async () => {
        expect(await happened(["a", "b"], [1])).to.deep.equal(["a: scene 1", "2 b", "2 closed"]);
    });
});

describe("the report of the machine that boots", () => {
    const folder = mkdtempSync(join(tmpdir(), "results-"));
    const file = join(folder, "results.jsonl");
    after(() => rmSync(folder, { recursive: true }));

    const FAULT = { fault: "reset while frozen", ended: "THAW_PENDING", healed: "succeeded", problems: [] };
    const RESTORE: RestoreResult = {
        ...{ ended: "succeeded", bootSeconds: 50, verifySeconds: 10, recoverySeconds: 60, problems: [] },
        ...{ loginSeconds: 3.25, overheadSeconds: 1.44 },
    };

    it("counts what was seen, and nothing else", () => {
        const results = new Results(file, false);
        results.add("boot", BOOT);
        results.add("boot", { ...BOOT, database: { ...GOOD, lost: 2 } });
        results.add("fault", { ...FAULT, seconds: 61.4 });
        results.add("fault", { ...FAULT, seconds: 7, ended: "HOLD_UNPROVEN" });
        results.add("restoreTest", RESTORE);
        const text = machineReport(results);
        expect(text).to.include("| sets, each booted | 2 |");
        expect(text).to.include("| lost, though acknowledged | 2 |");
        expect(text).to.include(
            "| reset while frozen | 2 | THAW_PENDING 1, HOLD_UNPROVEN 1 | 61 | succeeded 2 | 0 | 0 |",
        );
        expect(text).to.include("| overhead, s | 1.4, 1.4 |");
    });

    it("has what an earlier call has kept, if it is to", () => {
        const again = new Results(file, true);
        expect(again.of("boot")).to.have.lengthOf(2);
        again.add("fault", { ...FAULT, problems: ["left behind: marker"] });
        expect(readFileSync(file, "utf8").trim().split("\n")).to.have.lengthOf(6);
        expect(machineReport(again)).to.include("reset while frozen: left behind: marker");
        expect(new Results(file, false).of("fault")).to.deep.equal([]);
        expect(existsSync(file)).to.equal(false);
    });

    it("has no table without runs, and says what did not hold", () => {
        const results = new Results(file, false);
        expect(machineReport(results)).not.to.match(/\| --- \||did not hold/);
        results.add("boot", { ...BOOT, level: "failed", database: { ...GOOD, problems: ["no disk"] } });
        results.add("restoreTest", { ended: "not tried", problems: ["no\n machine"] });
        const text = machineReport(results);
        expect(text).to.include("- boot, failed: no disk");
        expect(text).to.include("- restore test: no machine");
        expect(text).to.include("| overhead, s | - |");
    });
});
