import { expect } from "chai";
import { isGuard, member, top, type Find } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost, type SshHostOptions } from "../../../../lab/hosts/sshHost";

const SESSION: Record<string, Find> = {
    "sshd's session": (host) =>
        host.processes().find(({ command }) => /^sshd(-session)?: \S+@notty/.test(command)),
    "sshd's privileged half": (host) =>
        host.processes().find(({ command }) => /^sshd(-session)?: \S+ \[priv\]/.test(command)),
    sudo: (host) => host.processes().find(({ command }) => command.startsWith("sudo -n")),
    "sudo's monitor": (host) => host.processes().findLast(({ command }) => command.startsWith("sudo -n")),
    "the login shell": (host) => {
        const all = host.processes();
        const sudo = all.find(({ command }) => command.startsWith("sudo -n"));
        return all.find(({ pid }) => pid === sudo?.parent);
    },
};
const GUARD: Record<string, Find> = {
    "the guard's top shell": top,
    ...Object.fromEntries(
        [
            ...["main", "watcher1", "watcher2", "reader", "ticker1", "ticker2", "worker"],
            ...["post1", "runner_post1", "runner_post2"],
        ].map((name) => [name, member(name)]),
    ),
};

const HOOK: Find = (host) =>
    host.processes().find(({ command }) => /-script (freeze|thaw|freezeFail)$/.test(command));
const RUNNER: Find = (host) => host.processes().find(({ pid }) => pid === HOOK(host)?.parent);

const HOSTS: Record<string, { options: SshHostOptions; processes: Record<string, Find>; phases: RegExp }> = {
    dash: {
        options: { sh: "dash", loginShell: "/usr/bin/fish" },
        processes: { ...SESSION, ...GUARD },
        phases: /./,
    },
    "dash, sudo with a pty": {
        options: { sh: "dash", sudo: "pty-and-log", loginShell: "/usr/bin/fish" },
        processes: { ...SESSION, ...GUARD },
        phases: /while frozen/,
    },
    bash: { options: { sh: "bash" }, processes: GUARD, phases: /pre-freeze|while frozen/ },
    busybox: { options: { sh: "busybox" }, processes: GUARD, phases: /pre-freeze|while frozen/ },
};

for (const [name, { options, processes, phases }] of Object.entries(HOSTS)) {
    describe(`guard, one process killed, ${name}`, () => {
        let host: SshHost;
        let guard: GuardSession;

        before(async function () {
            needsRoot(this);
            host = await startSshHost(options);
        });
        after(() => host.stop());

        afterEach(async () => {
            guard.disconnect();
            await host.until(() => host.processes().every((found) => !isGuard(found)), {
                what: "the guard's end",
            });
            expect(host.stateLeft).to.deep.equal([]);
            expect(host.frozen).to.equal(false);
            host.exec(`rm -f ${host.eventsPath} /run/go`);
        });

        // Each phase on one kind of host, what matters most on all.
        function inPhase(title: string, test: () => Promise<void>): void {
            if (phases.test(title)) {
                it(title, test);
            }
        }

        /** One that was just forked may not be seen, or not be known, at the first look. */
        async function kill(find: Find): Promise<void> {
            let victim: ReturnType<Find>;
            await host.until(() => (victim = find(host)) !== undefined, { what: "its process" });
            host.signal(victim?.pid ?? 0, "SIGKILL");
        }

        async function start(): Promise<void> {
            guard = await GuardSession.start(host, guardParams(host));
            await guard.line("ready");
        }

        for (const [role, find] of Object.entries(processes)) {
            // sshd goes on without it, and so does everything else; the session's end is what tells the guard.
            const unnoticed = role === "sshd's privileged half";

            inPhase(`${role}, when ready: cleans up`, async () => {
                host.writeHooks();
                await start();
                await kill(find);
                if (unnoticed) {
                    guard.disconnect();
                }
                await host.until(() => host.stateLeft.length === 0);
                expect(host.events).to.deep.equal([]);
            });

            inPhase(`${role}, during pre-freeze: thaws`, async () => {
                host.writeHooks({ pre: "sleep 60" });
                await start();
                guard.send("freeze");
                await host.waitFor(/^pre freeze/);
                await kill(find);
                if (unnoticed) {
                    guard.disconnect();
                }
                await host.until(() => !host.frozen && host.stateLeft.length === 0);
                expect(host.events).to.include("thawed freezeFail");
                expect(guard.lines).to.not.include("frozen");
            });

            inPhase(`${role}, while frozen: thaws`, async () => {
                host.writeHooks();
                await start();
                guard.send("freeze");
                await guard.line("frozen");
                expect(host.frozen).to.equal(true);
                await kill(find);
                if (unnoticed) {
                    guard.send("release");
                }
                await host.until(() => !host.frozen && host.stateLeft.length === 0);
                expect(host.events).to.include("thawed thaw");
                if (!unnoticed) {
                    expect(guard.lines).to.not.include("releasing asked");
                }
            });

            inPhase(`${role}, during post-thaw: thaws`, async () => {
                host.writeHooks({ post: "until [ -e /run/go ]; do sleep 0.05; done" });
                await start();
                guard.send("freeze");
                await guard.line("frozen");
                const victim = find(host);
                guard.send("release");
                await host.waitFor(/^post thaw/);
                if (!victim) {
                    throw new Error("not found");
                }
                if (host.processes().some(({ pid }) => pid === victim.pid)) {
                    host.signal(victim.pid, "SIGKILL");
                }
                host.exec(": >/run/go");
                await host.until(() => !host.frozen && host.stateLeft.length === 0);
                expect(host.events).to.include("thawed thaw");
            });
        }

        for (const [role, find] of Object.entries({ "pre-freeze's runner": RUNNER, "pre-freeze": HOOK })) {
            it(`${role}: thaws`, async () => {
                host.writeHooks({ pre: "sleep 60" });
                await start();
                guard.send("freeze");
                await host.waitFor(/^pre freeze/);
                await kill(find);
                await guard.line("thawed");
                expect(guard.lines.slice(3)).to.include.members([
                    role === "pre-freeze" ? "unfrozen 137" : "unfrozen lost",
                    "thawed 0",
                ]);
                await guard.end();
                expect(host.events).to.include("thawed freezeFail");
            });
        }

        for (const [role, find] of Object.entries({ "post-thaw's runner": RUNNER, "post-thaw": HOOK })) {
            it(`${role}: runs post-thaw again`, async () => {
                host.writeHooks({ post: "until [ -e /run/go ]; do sleep 0.05; done" });
                await start();
                guard.send("freeze");
                await guard.line("frozen");
                guard.send("release");
                await host.waitFor(/^post thaw/);
                await kill(find);
                host.exec(": >/run/go");
                await guard.line("thawed");
                expect(guard.lines).to.include("thawed 0");
                await guard.end();
                expect(host.events.filter((event) => event === "post thaw").length).to.equal(2);
            });
        }
    });
}
