import { expect } from "chai";
import { companyOf, isGuard, main, member } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { ShellHosts } from "../../../../lab/hosts/shellHosts";
import { type SshHost, needsRoot } from "../../../../lab/hosts/sshHost";

/** Of each phase; the watchers keep them at most 2 and 4 s late. */
const LIMITS = { lock: 0, wait: 60, preFreeze: 2, freeze: 2, postThaw: 2 };
/** What one that is stopped may cost, with room for a machine that is busy. */
const WITHIN_MS = 45_000;
/** The limit itself, 2 s, and some room. Without the first watcher it would be 4 s. */
const KEPT_WITHIN_MS = LIMITS.preFreeze * 1000 + 3_800;

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

describe("guard, members stopped:", function () {
    this.timeout(180_000);
    let shells: ShellHosts;

    before(async function () {
        needsRoot(this);
        shells = await ShellHosts.start();
    });
    after(() => shells.stop());

    function everywhere(title: string, test: (host: SshHost) => Promise<void>): void {
        it(title, () =>
            shells.all(async (host) => {
                host.exec(`rm -f ${host.eventsPath} /run/second`);
                host.writeHooks();
                await test(host);
                await host.until(() => host.processes().every((process) => !isGuard(process)), {
                    what: "the guard's end",
                });
                expect(host.frozen).to.equal(false);
                expect(host.stateLeft).to.deep.equal([]);
            }),
        );
    }

    async function frozen(host: SshHost, limits = LIMITS): Promise<GuardSession> {
        const guard = await GuardSession.start(host, guardParams(host, { limits }));
        await guard.line("ready");
        guard.send("freeze");
        await guard.line("frozen");
        return guard;
    }

    async function stop(host: SshHost, names: readonly string[]): Promise<void> {
        const company = companyOf(host);
        await host.suspend(...names.map((name) => company.get(name) ?? 0));
    }

    async function isOver(host: SshHost, guard: GuardSession): Promise<void> {
        await host.until(() => !host.frozen && host.stateLeft.length === 0, {
            limit: WITHIN_MS,
            what: `the thaw; said: ${guard.lines.join(", ")}`,
        });
        guard.disconnect();
    }

    for (const names of [...ALONE.map((name) => [name]), ...TOGETHER]) {
        // What has run is no more.
        if (!names.includes("runner_pre")) {
            everywhere(
                `${names.join(" and ")}, while frozen, for good: the freeze's limit is kept`,
                async (host) => {
                    const guard = await frozen(host);
                    await stop(host, names);
                    await isOver(host, guard);
                },
            );
        }
    }

    for (const name of ALONE.filter((one) => one !== "post1")) {
        everywhere(`${name}, during pre-freeze, for good: its limit is kept`, async (host) => {
            host.writeHooks({ pre: "exec sleep 60" });
            const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
            await guard.line("ready");
            guard.send("freeze");
            await host.waitFor(/^pre freeze/);
            const from = performance.now();
            await stop(host, [name]);
            await host.until(() => !host.frozen, { limit: WITHIN_MS, what: "the thaw" });
            expect(performance.now() - from).to.be.lessThan(KEPT_WITHIN_MS);
            await isOver(host, guard);
        });
    }

    everywhere("main, for a while: it goes on, and what it held is held", async (host) => {
        const guard = await frozen(host, { ...LIMITS, freeze: 30 });
        const pid = main(host)?.pid ?? 0;
        await host.suspend(pid);
        guard.send("release");
        host.signal(pid, "SIGCONT");
        await guard.end();
        expect(guard.lines.slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
    });

    everywhere("main and its first watcher, during post-thaw: the second one has it run", async (host) => {
        host.writeHooks({ post: "[ -e /run/second ] || { : >/run/second; kill -STOP $$; }" });
        const guard = await frozen(host);
        guard.send("release");
        await host.waitFor(/^post thaw/);
        await stop(host, ["main", "watcher1"]);
        await isOver(host, guard);
    });

    everywhere("a second watcher is there from the start", async (host) => {
        const guard = await frozen(host);
        expect(member("watcher2")(host)?.command).to.match(/program watcher2 /);
        guard.send("release");
        await guard.end();
    });
});
