import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { expect } from "chai";
import type { GuardParams } from "../../../../provider/quiesce/hooks/guardProgram";
import {
    parseHostReport,
    type HostReport,
    type ScriptProblem,
} from "../../../../provider/quiesce/hooks/hostReport";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { spawnAsOrdinaryUser } from "../../../../lab/hosts/ordinaryUser";
import { needsRoot, startSshHost, type SshHost, type SshHostOptions } from "../../../../lab/hosts/sshHost";

async function check(host: SshHost, changes: Partial<GuardParams> = {}): Promise<HostReport> {
    const guard = await GuardSession.start(host, guardParams(host, { mode: "check", ...changes }));
    const [nonce, ...lines] = await guard.end();
    expect(nonce, guard.stderr).to.equal("nonce-1");
    const report = parseHostReport(lines);
    expect(report.complete).to.equal(true);
    expect(report.unknown).to.deep.equal([]);
    return report;
}

for (const sh of ["dash", "bash", "busybox"] as const) {
    describe(`guard's check mode, ${sh}`, () => {
        let host: SshHost;
        before(async function () {
            needsRoot(this);
            host = await startSshHost({ sh });
        });
        after(() => host.stop());
        beforeEach(() => host.writeHooks());

        it("reports, and touches nothing", async () => {
            const report = await check(host);
            expect(report).to.deep.include({
                uid: 0,
                missingTools: [],
                identity: { kind: "dmi", instanceId: host.instanceId },
                runFileSystem: "tmpfs",
                roomProblem: undefined,
                stateDirectoryProblem: undefined,
                lock: { held: false, executionId: "", instanceId: "" },
                marker: undefined,
                scripts: { pre: [], post: [] },
            });
            expect(report.bootId).to.equal(host.exec("cat /proc/sys/kernel/random/boot_id").trim());
            expect(report.devices.map(({ type }) => type)).to.include("disk");
            expect(host.events).to.deep.equal([]);
            expect(host.stateLeft).to.deep.equal([]);
        });

        it("sees who holds the lock, without being in the way", async () => {
            const guard = await GuardSession.start(host, guardParams(host, { executionId: "acs-holder" }));
            await guard.freeze();
            const report = await check(host);
            expect(report.lock).to.deep.equal({
                held: true,
                executionId: "acs-holder",
                instanceId: host.instanceId,
            });
            expect(report.marker).to.deep.equal({ executionId: "acs-holder", bootId: report.bootId });
            guard.send("release");
            await guard.end();
            expect(guard.lines.slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
        });

        const SCRIPTS: Record<string, { prepare: string; problems: ScriptProblem[] }> = {
            "no script": { prepare: "rm $S", problems: [{ kind: "missing" }] },
            "a folder": { prepare: "rm $S; mkdir $S", problems: [{ kind: "not-regular" }] },
            "a dangling link": { prepare: "ln -sf nowhere $S", problems: [{ kind: "missing" }] },
            "not executable": { prepare: "chmod 644 $S", problems: [{ kind: "not-executable" }] },
            "somebody's": { prepare: "chown 54321 $S", problems: [{ kind: "owner", uid: 54321 }] },
            "writable by the group": { prepare: "chmod 775 $S", problems: [{ kind: "writable" }] },
            "writable by all": { prepare: "chmod 757 $S", problems: [{ kind: "writable" }] },
            "a folder writable by others": {
                prepare: "chmod 777 /usr/sbin",
                problems: [{ kind: "folder-writable", path: "/usr/sbin" }],
            },
            "a link into a folder writable by others": {
                prepare: "mkdir -m 777 /run/open; cp $S /run/open/script; ln -sf /run/open/script $S",
                problems: [{ kind: "folder-writable", path: "/run/open" }],
            },
            "a folder of somebody's": {
                prepare:
                    "mkdir /run/open; chown 54321 /run/open; cp $S /run/open/script; ln -sf /run/open/script $S",
                problems: [{ kind: "folder-owner", uid: 54321, path: "/run/open" }],
            },
            "far above it, a folder writable by others": {
                prepare:
                    "mkdir -p /run/open/a/b; chmod 777 /run/open; cp $S /run/open/a/b/script; ln -sf /run/open/a/b/script $S",
                problems: [{ kind: "folder-writable", path: "/run/open" }],
            },
            "a link on the way in a folder writable by others": {
                prepare:
                    "mkdir /run/open /run/good; chmod 1777 /run/open; cp $S /run/good/script; ln -s ../good /run/open/hop; ln -sf /run/open/hop/script $S",
                problems: [{ kind: "folder-writable", path: "/run/open" }],
            },
            "carriage returns": {
                prepare: "printf 'echo hello\\r\\nexit 0\\r\\n' >$S",
                problems: [{ kind: "carriage-return" }],
            },
            "carriage returns behind #!": {
                prepare: "printf '#!/bin/sh\\r\\nexit 0\\r\\n' >$S",
                problems: [{ kind: "carriage-return" }],
            },
            "carriage returns below #!": {
                prepare: "printf '#!/bin/bash -e\\nexit 0\\r\\n' >$S",
                problems: [{ kind: "carriage-return" }],
            },
            "carriage returns that its interpreter does not mind": {
                prepare: "printf '#!/usr/bin/python3\\npass\\r\\n' >$S",
                problems: [],
            },
            "a byte order mark": {
                prepare: "printf '\\357\\273\\277#!/bin/sh\\nexit 0\\n' >$S",
                problems: [{ kind: "byte-order-mark" }],
            },
            "no interpreter": { prepare: "echo '#!/no/such' >$S", problems: [{ kind: "no-interpreter" }] },
            "all at once": {
                prepare: "chmod 666 $S; chown 54321 $S; echo '#!/no/such' >$S",
                problems: [
                    { kind: "not-executable" },
                    { kind: "owner", uid: 54321 },
                    { kind: "writable" },
                    { kind: "no-interpreter" },
                ],
            },
            "a good link": { prepare: "mv $S $S.real; ln -s $S.real $S", problems: [] },
            "a program": { prepare: "cp /usr/bin/true $S", problems: [] },
        };
        for (const [name, { prepare, problems }] of Object.entries(SCRIPTS)) {
            it(`script: ${name}`, async () => {
                host.exec(`S=${host.preFreezePath}; ${prepare}`);
                try {
                    const { scripts } = await check(host);
                    const expected = name === "a folder writable by others" ? problems : [];
                    expect(scripts).to.deep.equal({ pre: problems, post: expected });
                } finally {
                    host.exec(`rm -rf ${host.preFreezePath}* /run/open /run/good; chmod 755 /usr/sbin`);
                }
            });
        }

        it("an inline script's interpreter", async () => {
            const { scripts } = await check(host, {
                preFreeze: { script: "#!/no/such\n" },
                postThaw: { script: "#!/usr/bin/env sh\n" },
            });
            expect(scripts).to.deep.equal({ pre: [{ kind: "no-interpreter" }], post: [] });
        });

        it("tools that are missing", async () => {
            host.exec("mount --bind /dev/null /usr/bin/setsid; mount --bind /dev/null /usr/bin/lsblk");
            try {
                const { missingTools, devices } = await check(host);
                expect(missingTools).to.deep.equal(["setsid", "lsblk"]);
                expect(devices).to.deep.equal([]);
            } finally {
                host.exec("umount /usr/bin/setsid /usr/bin/lsblk");
            }
        });

        it("a state directory that is not fit", async () => {
            host.exec("mkdir -m 755 /run/app-consistent-snapshot");
            try {
                const report = await check(host);
                expect(report.stateDirectoryProblem).to.equal("is a directory, owner 0, mode 755");
            } finally {
                host.exec("rmdir /run/app-consistent-snapshot");
            }
        });

        it("another instance", async () => {
            const { identity } = await check(host, { instanceId: "i-0fedcba9876543210" });
            expect(identity).to.deep.equal({ kind: "other", instanceId: host.instanceId });
        });
    });
}

describe("guard, where it cannot start", () => {
    let host: SshHost | undefined;
    afterEach(async () => {
        await host?.stop();
        host = undefined;
    });

    interface Silence {
        options: SshHostOptions;
        lines: RegExp;
        stderr: RegExp;
        exitCode: number;
    }
    const SILENCES: Record<string, Silence> = {
        "sudo asks for a password": {
            options: { sudo: "password", password: "pw" },
            lines: /^$/,
            stderr: /sudo: a password is required/,
            exitCode: 1,
        },
        "sudo is not for this user": {
            options: { sudo: "none" },
            lines: /^$/,
            stderr: /sudo: a password is required|not allowed|may not run sudo/,
            exitCode: 1,
        },
        "sudo wants a tty": {
            options: { sudo: "requiretty" },
            lines: /^$/,
            stderr: /sudo: sorry, you must have a tty to run sudo/,
            exitCode: 1,
        },
        // The shell starts, but nothing else: it says nothing on any shell.
        "sudo with noexec": { options: { sudo: "noexec" }, lines: /^$/, stderr: /.*/, exitCode: 126 },
        "the login shell is nologin": {
            options: { loginShell: "/usr/sbin/nologin" },
            lines: /This account is currently not available/,
            stderr: /^$/,
            exitCode: 1,
        },
        "a forced command": {
            options: { forcedCommand: "echo welcome" },
            lines: /^welcome$/,
            stderr: /^$/,
            exitCode: 0,
        },
    };
    for (const [name, { options, lines, stderr, exitCode }] of Object.entries(SILENCES)) {
        it(`${name}: its nonce is not the first line`, async function () {
            needsRoot(this);
            host = await startSshHost(options);
            host.writeHooks();
            const guard = await GuardSession.start(host, guardParams(host, { mode: "check" }));
            guard.channel.end();
            await guard.end();
            expect(guard.lines.join("\n")).to.match(lines);
            expect(guard.stderr).to.match(stderr);
            expect(guard.exitCode).to.equal(exitCode);
            expect(host.events).to.deep.equal([]);
        });
    }
});

describe("guard, as an ordinary user with hooks of his own", () => {
    const TITLE = "needs neither root nor sudo";

    it(TITLE, async function () {
        if (process.platform !== "linux") {
            this.skip();
        }
        if (process.getuid?.() === 0) {
            await runAsOrdinaryUser(TITLE);
            return;
        }
        const host = await startSshHost();
        try {
            host.writeHooks();
            const guard = await GuardSession.start(host, guardParams(host, { verifyIdentity: false }));
            await guard.freeze();
            expect(host.frozen).to.equal(true);
            guard.send("release");
            await guard.end();
            expect(guard.lines.slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
            expect(host.frozen).to.equal(false);
            expect(host.stateLeft).to.deep.equal([]);
        } finally {
            await host.stop();
        }
    });

    /** This very test, for an account that exists for it alone. */
    async function runAsOrdinaryUser(title: string): Promise<void> {
        const home = mkdtempSync(join(tmpdir(), "ordinary-"));
        const mocha = join(dirname(require.resolve("mocha/package.json")), "bin/mocha.js");
        const command = [process.execPath, mocha, "--reporter", "dot", "--spec", __filename, "--grep", title];
        const child = spawnAsOrdinaryUser(command, home, { PATH: process.env["PATH"] ?? "" });
        try {
            const ended = once(child, "exit", { signal: AbortSignal.timeout(50_000) });
            const [output, error] = await Promise.all([textOf(child.stdout!), textOf(child.stderr!), ended]);
            expect(output, error).to.match(/1 passing/);
        } finally {
            child.kill("SIGKILL");
            rmSync(home, { recursive: true, force: true });
        }
    }
});
