import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostGroup } from "../../../../lab/hosts/hostGroup";
import { isGuard, main, member } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { ShellHosts } from "../../../../lab/hosts/shellHosts";
import { type SshHost, needsRoot } from "../../../../lab/hosts/sshHost";

/** What a guard has to hear of its controller at least. */
const SILENCE_MS = 5_000;
/** When nothing is frozen. */
const SILENCE_WHEN_READY_MS = 30_000;
/** For a machine that is busy with other tests. */
const SLACK_MS = 1_500;

describe("guard, which hears of its controller each second,", function () {
    this.timeout(120_000);
    let shells: ShellHosts;

    before(async function () {
        needsRoot(this);
        shells = await ShellHosts.start();
    });
    after(() => shells.stop());

    function inAllShells(title: string, test: (host: SshHost, group: HostGroup) => Promise<void>): void {
        it(title, () =>
            shells.all(async (host) => {
                await test(host, shells.groupOf(host));
                await host.until(() => host.processes().every((process) => !isGuard(process)), {
                    what: "the guard's end",
                });
                expect(host.frozen).to.equal(false);
                expect(host.stateLeft).to.deep.equal([]);
                host.exec(`rm -f ${host.eventsPath}`);
            }),
        );
    }

    async function ready(host: SshHost, pre = ""): Promise<GuardSession> {
        host.writeHooks({ pre });
        const guard = await GuardSession.start(host, guardParams(host));
        await guard.line("ready");
        return guard;
    }

    /** Frozen by a controller that says no more than this word. */
    async function frozenInSilence(host: SshHost): Promise<GuardSession> {
        const guard = await ready(host);
        guard.send("freeze", { beat: false });
        await guard.line("frozen");
        return guard;
    }

    async function expectHeld(guard: GuardSession): Promise<void> {
        guard.send("release");
        expect(await guard.line("releasing")).to.equal("releasing asked");
        await guard.end();
    }

    inAllShells("thaws when it hears nothing for 5 s, long before its limit", async (host) => {
        const from = performance.now();
        const guard = await frozenInSilence(host);
        expect(await guard.line("releasing")).to.equal("releasing silent");
        const after = performance.now() - from;
        expect(after).to.be.within(SILENCE_MS - 500, SILENCE_MS + SLACK_MS);
        expect(await guard.end()).to.include.members(["thawed 0", "cleaned ok"]);
        expect(host.events.at(-1)).to.equal("thawed thaw");
    });

    inAllShells("ends a pre-freeze in which it hears nothing for 5 s", async (host) => {
        const guard = await ready(host, "sleep 60");
        guard.send("freeze", { beat: false });
        expect(await guard.line("unfrozen")).to.equal("unfrozen silent");
        await guard.end();
        expect(host.events.at(-1)).to.equal("thawed freezeFail");
    });

    inAllShells(
        "counts anew from each time that it hears something, and holds on meanwhile",
        async (host) => {
            const guard = await frozenInSilence(host);
            // Gaps as of a controller that was busy for 3 s.
            for (let gaps = 0; gaps < 3; gaps += 1) {
                await sleep(SILENCE_MS - 1_000);
                guard.channel.write("beat\n");
            }
            expect(host.frozen).to.equal(true);
            expect(await guard.line("releasing")).to.equal("releasing silent");
            await guard.end();
        },
    );

    inAllShells(
        "does not take words for silence that came while the machine was paused",
        async (host, group) => {
            const guard = await ready(host);
            guard.send("freeze");
            await guard.line("frozen");
            await group.pause();
            await sleep(SILENCE_MS + 2_000);
            group.resume();
            // Time enough to thaw, if it were to.
            await sleep(1_000);
            await expectHeld(guard);
        },
    );

    inAllShells(
        "thaws soon after the machine was paused, when nobody is there any more",
        async (host, group) => {
            const guard = await frozenInSilence(host);
            await group.pause();
            await sleep(SILENCE_MS);
            group.resume();
            expect(await guard.line("releasing", SILENCE_MS + SLACK_MS)).to.equal("releasing silent");
            await guard.end();
        },
    );

    inAllShells("holds on when the process that decides was stopped for a while", async (host) => {
        const guard = await ready(host);
        guard.send("freeze");
        await guard.line("frozen");
        const { pid = 0 } = main(host) ?? {};
        host.signal(pid, "SIGSTOP");
        await sleep(SILENCE_MS + 1_000);
        host.signal(pid, "SIGCONT");
        await sleep(500);
        await expectHeld(guard);
    });

    inAllShells("thaws when the process that listens is stopped for good", async (host) => {
        const guard = await ready(host);
        guard.send("freeze");
        await guard.line("frozen");
        host.signal(member("reader")(host)?.pid ?? 0, "SIGSTOP");
        expect(await guard.line("releasing")).to.equal("releasing silent");
        await guard.end();
    });

    inAllShells("notices silence though no process can be had", async (host, group) => {
        const guard = await frozenInSilence(host);
        group.denyForks();
        expect(await guard.line("releasing")).to.equal("releasing silent");
        group.allowForks();
        await guard.end(40_000);
    });

    inAllShells(
        "leaves a host that it has not frozen when it hears nothing for 30 s: nobody else could freeze it",
        async (host) => {
            host.writeHooks();
            const limits = { lock: 0, wait: 120, preFreeze: 30, freeze: 60, postThaw: 30 };
            const guard = await GuardSession.start(host, guardParams(host, { limits }));
            await guard.line("ready");
            await sleep(10_000);
            guard.channel.write("beat\n");
            const from = performance.now();
            expect(await guard.end(SILENCE_WHEN_READY_MS + 20_000)).to.include("cleaned ok");
            expect(performance.now() - from).to.be.at.least(SILENCE_WHEN_READY_MS - 1_000);
            expect(host.events).to.deep.equal([]);
        },
    );
});
