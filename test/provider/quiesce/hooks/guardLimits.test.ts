import { expect } from "chai";
import { companyOf, isGuard, main, member } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { type SshHost, needsRoot, startSshHost } from "../../../../lab/hosts/sshHost";

const SHELLS = ["dash", "bash", "busybox"] as const;

/** Of each phase; the watchers keep them at most 2 and 4 s late. */
const LIMITS = { lock: 0, wait: 60, preFreeze: 2, freeze: 2, postThaw: 2 };
/** What one that is stopped may cost, in seconds, and room for a machine that is busy. */
const WITHIN_MS = 45_000;

/** The members that somebody may stop. */
const ALONE = [
    ...["main", "watcher1", "watcher2", "reader", "ticker1", "ticker2", "worker"],
    ...["runner_pre", "runner_post1", "post1"],
];
/** Two of a kind at once: what is left of the company keeps the limits. */
const TOGETHER = [
    ["main", "watcher1"],
    ["watcher1", "watcher2"],
    ["ticker1", "worker"],
];

for (const sh of SHELLS) {
    describe(`guard, members stopped, ${sh}:`, function () {
        this.timeout(90_000);
        let host: SshHost;

        before(async function () {
            needsRoot(this);
            host = await startSshHost({ sh });
        });
        after(() => host.stop());
        beforeEach(() => host.writeHooks());
        afterEach(async () => {
            await host.until(() => host.processes().every((process) => !isGuard(process)), {
                what: "the guard's end",
            });
            host.exec(`rm -f ${host.eventsPath}`);
            expect(host.frozen).to.equal(false);
            expect(host.stateLeft).to.deep.equal([]);
        });

        async function frozen(limits = LIMITS): Promise<GuardSession> {
            const guard = await GuardSession.start(host, guardParams(host, { limits }));
            await guard.line("ready");
            guard.send("freeze");
            await guard.line("frozen");
            return guard;
        }

        function stop(names: readonly string[]): void {
            for (const name of names) {
                host.signal(companyOf(host).get(name) ?? 0, "SIGSTOP");
            }
        }

        for (const names of [...ALONE.map((name) => [name]), ...TOGETHER]) {
            // What has run is no more.
            const here = names.filter((name) => name !== "runner_pre");
            if (here.length > 0) {
                it(`${names.join(" and ")}, while frozen, for good: the freeze's limit is kept`, async () => {
                    const guard = await frozen();
                    stop(names);
                    await host.until(() => !host.frozen && host.stateLeft.length === 0, {
                        limit: WITHIN_MS,
                        what: `the thaw; said: ${guard.lines.join(", ")}`,
                    });
                    guard.disconnect();
                });
            }
        }

        for (const name of ALONE.filter((one) => one !== "post1")) {
            it(`${name}, during pre-freeze, for good: its limit is kept`, async () => {
                host.writeHooks({ pre: "exec sleep 60" });
                const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
                await guard.line("ready");
                guard.send("freeze");
                await host.waitFor(/^pre freeze/);
                stop([name]);
                await host.until(() => !host.frozen && host.stateLeft.length === 0, {
                    limit: WITHIN_MS,
                    what: `the thaw; said: ${guard.lines.join(", ")}`,
                });
                guard.disconnect();
            });
        }

        it("main, for a while: it goes on, and what it held is held", async () => {
            const guard = await frozen({ ...LIMITS, freeze: 30 });
            const pid = main(host)?.pid ?? 0;
            host.signal(pid, "SIGSTOP");
            guard.send("release");
            await host.until(
                () =>
                    host
                        .processes()
                        .find((process) => process.pid === pid)
                        ?.state.startsWith("T") === true,
            );
            host.signal(pid, "SIGCONT");
            await guard.end();
            expect(guard.lines.slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
        });

        it("main and its first watcher, during post-thaw: the second one has it run", async () => {
            host.writeHooks({ post: "[ -e /run/second ] || { : >/run/second; kill -STOP $$; }" });
            const guard = await frozen();
            guard.send("release");
            await host.waitFor(/^post thaw/);
            stop(["main", "watcher1"]);
            await host.until(() => !host.frozen && host.stateLeft.length === 0, { limit: WITHIN_MS });
            host.exec("rm -f /run/second");
            guard.disconnect();
        });

        it("a second watcher is there from the start", async () => {
            const guard = await frozen();
            expect(member("watcher2")(host)?.command).to.match(/program watcher2 /);
            guard.send("release");
            await guard.end();
        });
    });
}
