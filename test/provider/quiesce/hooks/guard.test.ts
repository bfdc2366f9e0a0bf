import { expect } from "chai";
import { parseGuardLine } from "../../../../provider/quiesce/hooks/guardLine";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost, type SshHostOptions } from "../../../../lab/hosts/sshHost";

const SHELLS = ["dash", "bash", "busybox"] as const;

const HOSTS: Record<string, SshHostOptions> = {
    ...Object.fromEntries(SHELLS.map((sh) => [`${sh} as sh`, { sh }])),
    ...Object.fromEntries(SHELLS.map((sh) => [`${sh} as root's sh, without sudo`, { sh, user: "root" }])),
    "login shell bash": { loginShell: "/usr/bin/bash" },
    "login shell fish": { loginShell: "/usr/bin/fish" },
    "login shell tcsh": { loginShell: "/usr/bin/tcsh" },
    "sudo with a pty and an I/O log": { sudo: "pty-and-log" },
    "sudo with a pty and an I/O log, busybox": {
        sudo: "pty-and-log",
        sh: "busybox",
        loginShell: "/usr/bin/fish",
    },
};

for (const [name, options] of Object.entries(HOSTS)) {
    describe(`guard, ${name}`, () => {
        let host: SshHost;

        before(async function () {
            needsRoot(this);
            host = await startSshHost(options);
            host.writeHooks();
        });
        after(() => host.stop());

        it("freezes, holds until the word, thaws, and leaves nothing", async () => {
            const params = guardParams(host);
            const guard = await GuardSession.start(host, params);
            const ready = parseGuardLine(await guard.line("ready"));
            expect(ready).to.include({ kind: "ready", identity: "dmi" });
            expect(host.events).to.deep.equal([]);

            guard.send("freeze");
            await guard.line("frozen");
            expect(host.frozen).to.equal(true);
            expect(host.events).to.deep.equal(["pre freeze"]);

            guard.send("release");
            const lines = await guard.end();
            expect(lines.slice(2)).to.deep.equal([
                "freezing",
                "frozen",
                "releasing asked",
                "thawed 0",
                "cleaned ok",
            ]);
            expect(lines[0]).to.equal(params.nonce);
            expect(guard.exitCode).to.equal(0);
            expect(host.frozen).to.equal(false);
            expect(host.events).to.deep.equal(["pre freeze", "post thaw", "thawed thaw"]);
            expect(host.stateLeft).to.deep.equal([]);
        });

        it("thaws when the client is gone", async () => {
            const guard = await GuardSession.start(host, guardParams(host));
            await guard.freeze();
            expect(host.frozen).to.equal(true);
            guard.disconnect();
            await host.until(() => !host.frozen && host.stateLeft.length === 0);
        });
    });
}
