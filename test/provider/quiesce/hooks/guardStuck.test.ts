// Freezes: hooks that cannot be killed wait for a real file system.
import { existsSync } from "node:fs";
import { expect } from "chai";
import { main } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost } from "../../../../lab/hosts/sshHost";

const LIMITS = { lock: 0, wait: 30, preFreeze: 1, freeze: 30, postThaw: 30 };

// Real ones: a process that writes to a frozen file system is in uninterruptible sleep.
for (const sh of ["dash", "bash", "busybox"] as const) {
    describe(`guard, hooks that cannot be killed, ${sh}`, () => {
        let host: SshHost;

        before(async function () {
            needsRoot(this);
            host = await startSshHost({ sh });
            host.exec(
                "truncate -s 8M /mnt/image && mkfs.ext4 -q /mnt/image && mkdir /mnt/data && mount -o loop /mnt/image /mnt/data",
            );
            await host.thawLater("/mnt/data", 90);
        });
        afterEach(() => {
            host.exec("fsfreeze -u /mnt/data 2>/dev/null; rm -f /run/once /run/frozen-now");
            host.exec(`rm -f ${host.eventsPath}`);
        });
        after(() => host.stop());

        it("pre-freeze, freed by post-thaw: post-thaw at once, and again when it is gone", async () => {
            host.writeHooks({
                pre: "fsfreeze -f /mnt/data; echo stuck >/mnt/data/file",
                post: "fsfreeze -u /mnt/data; true",
            });
            const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
            await guard.line("ready");
            guard.send("freeze");
            await guard.end();
            expect(guard.lines.slice(2)).to.deep.equal([
                "freezing",
                "unfrozen timeout",
                "thawed 0",
                "cleaned ok",
            ]);
            expect(host.events.filter((event) => event === "thawed freezeFail").length).to.equal(2);
            host.exec("echo awake >/mnt/data/file");
        });

        it("pre-freeze, freed by somebody else: not called awake before it is gone", async () => {
            host.writeHooks({ pre: "fsfreeze -f /mnt/data; echo stuck >/mnt/data/file" });
            const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
            await guard.line("ready");
            guard.send("freeze");
            await guard.line("unfrozen");
            await host.waitFor(/^thawed freezeFail/);
            expect(isStuck(host)).to.equal(true);
            expect(guard.lines.at(-1)).to.equal("unfrozen timeout");
            host.exec("fsfreeze -u /mnt/data");
            await guard.end();
            expect(guard.lines.slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
            expect(host.events.filter((event) => event === "thawed freezeFail").length).to.equal(2);
        });

        it("pre-freeze, when main is killed: the watcher does the same", async () => {
            host.writeHooks({
                pre: "fsfreeze -f /mnt/data; : >/run/frozen-now; echo stuck >/mnt/data/file",
                post: "fsfreeze -u /mnt/data; true",
            });
            const guard = await GuardSession.start(
                host,
                guardParams(host, { limits: { ...LIMITS, preFreeze: 61 } }),
            );
            await guard.line("ready");
            guard.send("freeze");
            // On a busy machine others, too, wait for a disk for a moment.
            await host.until(() => existsSync(host.path("/run/frozen-now")) && isStuck(host));
            host.signal(main(host)?.pid ?? 0, "SIGKILL");
            await guard.end();
            expect(guard.lines.slice(3)).to.deep.equal(["unfrozen lost", "thawed 0", "cleaned ok"]);
            expect(host.events.filter((event) => event === "thawed freezeFail").length).to.equal(2);
        });

        it("post-thaw, by a log on what it has to thaw: the guard thaws that, and runs it again", async () => {
            host.writeHooks({
                pre: "fsfreeze -f /mnt/data",
                post: "echo thawing >>/mnt/data/log; fsfreeze -u /mnt/data; true",
            });
            const limits = { ...LIMITS, preFreeze: 30, postThaw: 1 };
            const guard = await GuardSession.start(host, guardParams(host, { limits }));
            await guard.freeze();
            guard.send("release");
            await guard.end();
            expect(guard.lines.slice(4)).to.deep.equal([
                "releasing asked",
                "unfroze /mnt/data",
                "tried timeout",
                "thawed 0",
                "cleaned ok",
            ]);
            host.exec("echo awake >/mnt/data/file");
        });
    });
}

/** Pre-freeze is in uninterruptible sleep. */
function isStuck(host: SshHost): boolean {
    return host
        .processes()
        .some(({ command, state }) => state === "D" && command.includes(host.preFreezePath));
}
