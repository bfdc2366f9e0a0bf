import { execFileSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import {
    aggregates,
    composeGuard,
    ebsVolumeId,
    interpreterOf,
    parseGuardLine,
    parseHostReport,
    shellQuote,
    VMWARE_VERBS,
    type GuardLine,
    type GuardParams,
} from "../../../provider/quiesce/guardProgram";

const PARAMS: GuardParams = {
    mode: "freeze",
    sudo: true,
    nonce: "n-1",
    executionId: "acs-1",
    instanceId: "i-0123456789abcdef0",
    verifyIdentity: true,
    preFreeze: { path: "/usr/sbin/pre-freeze-script" },
    postThaw: { path: "/usr/sbin/post-thaw-script" },
    verbs: VMWARE_VERBS,
    environment: {},
    limits: { lock: 0, wait: 60, preFreeze: 60, freeze: 10, postThaw: 60 },
    showHookOutput: false,
};

describe("composeGuard", () => {
    it("has a command that every login shell reads alike, and nothing secret in it", () => {
        const { command, stdin } = composeGuard({ ...PARAMS, environment: { PASSWORD: "s3cret" } });
        expect(command).to.equal(
            `sudo -n sh -c 'p=$(dd bs=1 count=${stdin.length} 2>/dev/null) && eval "$p"' && true`,
        );
        expect(command).to.not.match(/[\\!\n]/);
        expect(stdin.toString()).to.include("s3cret");
    });

    it("needs no sudo where it is told so", () => {
        expect(composeGuard({ ...PARAMS, sudo: false }).command).to.match(/^sh -c /);
    });

    it("counts bytes, not characters", () => {
        const { command, stdin } = composeGuard({ ...PARAMS, environment: { A: "ö€😀" } });
        expect(command).to.include(`count=${stdin.length} `);
        expect(stdin.length).to.be.greaterThan(stdin.toString().length);
    });

    it("refuses what no shell can hold, without telling it", () => {
        for (const changes of [
            { environment: { A: "s3cret\0" } },
            { environment: { "A B": "s3cret" } },
            { environment: { "1A": "s3cret" } },
            { preFreeze: { script: "s3cret\0" } },
            { nonce: "a b" },
            { executionId: "" },
            { executionId: "../x" },
        ]) {
            expect(() => composeGuard({ ...PARAMS, ...changes }))
                .to.throw(TypeError)
                .with.property("message")
                .that.does.not.include("s3cret");
        }
    });

    it("has no here-document, which would be a file, and does not look at the wall clock", () => {
        const lines = composeGuard(PARAMS).stdin.toString().split("\n");
        const code = lines.filter((line) => !/^\s*#/.test(line)).join("\n");
        expect(code).to.not.match(/<</);
        expect(code).to.not.match(/\bdate\b|\bTMPDIR\b|\bmktemp\b/);
    });

    for (const mode of ["check", "recover"] as const) {
        it(`gives ${mode} mode no secret, which has no use for one`, () => {
            const script = "#!/usr/bin/env needle-interpreter\nneedle-text\n";
            const text = composeGuard({
                ...PARAMS,
                mode,
                preFreeze: { script },
                postThaw: { script },
                environment: { NEEDLE: "needle-value" },
            }).stdin.toString();
            expect(text).to.not.match(/needle-text|needle-value/i);
            expect(text.includes("needle-interpreter")).to.equal(mode === "check");
        });
    }

    it("our names win over the user's", () => {
        const text = composeGuard({
            ...PARAMS,
            environment: { ACS_EXECUTION_ID: "somebody-elses" },
        }).stdin.toString();
        expect(text).to.not.include("somebody-elses");
    });
});

describe("shellQuote", () => {
    it("gives any text back, in any shell", () => {
        fc.assert(
            fc.property(fc.string({ unit: "binary" }), (text) => {
                const clean = text.replaceAll("\0", "").toWellFormed();
                for (const shell of ["sh", "bash"]) {
                    const back = execFileSync(shell, ["-c", `printf '%s' ${shellQuote(clean)}`]);
                    expect(back.toString()).to.equal(clean);
                }
            }),
            { numRuns: 50 },
        );
    });
});

describe("interpreterOf", () => {
    const CASES: [string, string, string][] = [
        ["echo", "/bin/sh", ""],
        ["", "/bin/sh", ""],
        ["#!/bin/bash\n", "/bin/bash", ""],
        ["#! /usr/bin/env python3 -u \n", "/usr/bin/env", "python3 -u"],
        ["#!/usr/bin/awk -f", "/usr/bin/awk", "-f"],
        ["\n#!/bin/bash", "/bin/sh", ""],
    ];
    for (const [script, interpreter, argument] of CASES) {
        it(JSON.stringify(script), () => {
            expect(interpreterOf(script)).to.deep.equal({ interpreter, argument });
        });
    }
});

describe("parseGuardLine", () => {
    const LINES: Record<string, GuardLine> = {
        "refused HOST_BUSY acs-2 i-1": { kind: "refused", code: "HOST_BUSY", text: "acs-2 i-1" },
        "recovered acs-0 205": { kind: "recovered", executionId: "acs-0", end: 205 },
        "ready dmi b-1": { kind: "ready", identity: "dmi", bootId: "b-1" },
        freezing: { kind: "freezing" },
        frozen: { kind: "frozen" },
        "unfrozen 3": { kind: "unfrozen", why: 3 },
        "unfrozen eof": { kind: "unfrozen", why: "eof" },
        "unfrozen timeout": { kind: "unfrozen", why: "timeout" },
        "unfrozen lost": { kind: "unfrozen", why: "lost" },
        "releasing asked": { kind: "releasing", why: "asked" },
        "releasing unheld": { kind: "releasing", why: "unheld" },
        "thawed 0": { kind: "thawed", end: 0 },
        "thawed lost": { kind: "thawed", end: "lost" },
        "output pre aGk=": { kind: "output", hook: "pre", bytes: Buffer.from("hi") },
        "cleaned ok": { kind: "cleaned", ok: true, left: "" },
        "cleaned failed /run/x y": { kind: "cleaned", ok: false, left: "/run/x y" },
        "gone dmi b-1": { kind: "gone", identity: "dmi", bootId: "b-1" },
        "gone other b-1": { kind: "gone", identity: "other", bootId: "b-1" },
    };
    for (const [line, parsed] of Object.entries(LINES)) {
        it(line, () => expect(parseGuardLine(line)).to.deep.equal(parsed));
    }

    it("calls unknown what it does not know", () => {
        for (const line of [
            "",
            "Welcome!",
            "refused X y",
            "ready dmi",
            "ready other b",
            "gone",
            "gone dmi",
            "gone who b",
            "thawed",
            "thawed x",
            "thawed 1234",
            "releasing",
            "constructor",
            "__proto__",
            "toString x",
        ]) {
            expect(parseGuardLine(line)).to.deep.equal({ kind: "unknown", line });
        }
    });

    it("never throws", () => {
        fc.assert(
            fc.property(fc.string(), (line) => {
                parseGuardLine(line);
                parseHostReport([line]);
            }),
        );
    });
});

describe("parseHostReport", () => {
    const disk = (name: string, serial: string) =>
        `device NAME="${name}" KNAME="${name}" TYPE="disk" PKNAME="" FSTYPE="" MOUNTPOINT="" SERIAL="${serial}" MODEL="Amazon Elastic Block Store              "`;
    const over = (name: string, kernel: string, type: string, parent: string) =>
        `device NAME="${name}" KNAME="${kernel}" TYPE="${type}" PKNAME="${parent}" FSTYPE="xfs" MOUNTPOINT="/my\\x20data" SERIAL="" MODEL=""`;

    it("reads devices and mounts with odd names", () => {
        const report = parseHostReport([
            disk("nvme0n1", "vol0abc"),
            over("p", "p", "part", "nvme0n1"),
            "mount nfs4 s:/x /a\\040b",
            "done",
        ]);
        expect(report.devices[0]).to.include({ serial: "vol0abc", model: "Amazon Elastic Block Store" });
        expect(report.devices[1]?.mountPoint).to.equal("/my data");
        expect(report.mounts).to.deep.equal([{ type: "nfs4", source: "s:/x", target: "/a b" }]);
        expect(ebsVolumeId(report.devices[0]!)).to.equal("vol-0abc");
        expect(ebsVolumeId(report.devices[1]!)).to.equal(undefined);
    });

    it("finds what spans several disks, through all layers", () => {
        const report = parseHostReport([
            ...["a", "b", "c", "d", "e"].map((name) => disk(name, `vol0${name}`)),
            over("a1", "a1", "part", "a"),
            over("md0", "md0", "raid1", "a1"),
            over("md0", "md0", "raid1", "b"),
            over("vg-lv", "dm-0", "lvm", "md0"),
            over("vg2-lv", "dm-1", "lvm", "c"),
            "btrfs Label: none  uuid: 1",
            "btrfs Total devices 2 FS bytes used 144.00KiB",
            "btrfs devid    1 size 1.00GiB used 1.00MiB path /dev/d",
            "btrfs devid    2 size 1.00GiB used 1.00MiB path /dev/e",
            "btrfs Label: none  uuid: 2",
            "btrfs devid    1 size 1.00GiB used 1.00MiB path /dev/mapper/vg2-lv",
        ]);
        const found = aggregates(report).map(({ kind, name, disks }) => ({
            kind,
            name,
            disks: disks.map((device) => device.name),
        }));
        expect(found).to.deep.equal([
            { kind: "raid1", name: "md0", disks: ["a", "b"] },
            { kind: "lvm", name: "vg-lv", disks: ["a", "b"] },
            { kind: "btrfs", name: "/dev/d", disks: ["d", "e"] },
        ]);
    });

    it("knows when it was cut off, and keeps what it does not understand", () => {
        const report = parseHostReport(["user 0", "script pre odd", "novelty 1"]);
        expect(report.complete).to.equal(false);
        expect(report.unknown).to.deep.equal(["script pre odd", "novelty 1"]);
    });
});
