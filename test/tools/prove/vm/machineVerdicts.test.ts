import { expect } from "chai";
import type { BootResult } from "../../../../tools/prove/vm/bootTrial";
import { endOf, flawsOf } from "../../../../tools/prove/vm/faultTrial";
import { FAULTS } from "../../../../tools/prove/vm/faults";
import { mountProblems, readBootLog } from "../../../../tools/prove/vm/lookAtCopy";
import { bootHolds, machineReport } from "../../../../tools/prove/vm/machineReport";
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

describe("the report of the machine that boots", () => {
    it("counts what was seen, and nothing else", () => {
        const fault = { ended: "THAW_PENDING", seconds: 61.4, healed: "succeeded", problems: [] };
        const text = machineReport(
            [BOOT, { ...BOOT, database: { ...GOOD, lost: 2 } }],
            [
                { fault: "reset while frozen", ...fault },
                { fault: "reset while frozen", ...fault, ended: "HOLD_UNPROVEN", seconds: 7 },
            ],
        );
        expect(text).to.include("| sets, each booted | 2 |");
        expect(text).to.include("| lost, though acknowledged | 2 |");
        expect(text).to.include(
            "| reset while frozen | 2 | THAW_PENDING 1, HOLD_UNPROVEN 1 | 61 | succeeded 2 | 0 | 0 |",
        );
    });

    it("has no table without runs", () => {
        expect(machineReport([], [])).not.to.include("| --- |");
    });
});
