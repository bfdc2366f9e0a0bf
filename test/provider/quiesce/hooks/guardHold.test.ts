import { expect } from "chai";
import { VMWARE_VERBS } from "../../../../provider/quiesce/hooks/guardProgram";
import { main, watcher } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { type SshHost, startSshHost } from "../../../../lab/hosts/sshHost";

/** Scripts that know the verb `check`. */
const VERBS = { ...VMWARE_VERBS, check: "check" };

describe("the guard, before it lets go,", function () {
    this.timeout(120_000);
    let host: SshHost;
    beforeEach(async () => (host = await startSshHost()));
    afterEach(() => host.stop());

    async function frozenBy(pre: string, freeze = 60): Promise<GuardSession> {
        host.writeHooks({ pre });
        const limits = { lock: 0, wait: 30, preFreeze: 30, freeze, postThaw: 30 };
        const guard = await GuardSession.start(host, guardParams(host, { verbs: VERBS, limits }));
        await guard.freeze();
        return guard;
    }

    async function expectThawed(guard: GuardSession): Promise<void> {
        await guard.end();
        expect(guard.lines).to.include.members(["thawed 0", "cleaned ok"]);
        expect(host.frozen).to.be.false;
        expect(host.stateLeft).to.deep.equal([]);
    }

    it("asks the scripts whether they hold", async () => {
        const guard = await frozenBy("");
        guard.send("release");
        expect(await guard.line("releasing")).to.equal("releasing asked");
        await expectThawed(guard);
        expect(host.events).to.deep.equal(["pre freeze", "pre check", "post thaw", "thawed thaw"]);
    });

    it("says that they do not, by their own word", async () => {
        const guard = await frozenBy('[ "$1" = freeze ]');
        guard.send("release");
        expect(await guard.line("releasing")).to.equal("releasing unheld");
        await expectThawed(guard);
    });

    it("waits for a check that hangs no longer than the freeze may last", async () => {
        const guard = await frozenBy('[ "$1" = freeze ] || exec sleep 1000', 2);
        guard.send("release");
        expect(await guard.line("releasing")).to.equal("releasing expired");
        await expectThawed(guard);
        expect(host.processes().filter(({ command }) => command.includes("sleep 1000"))).to.deep.equal([]);
    });

    it("asks nobody when the connection ends", async () => {
        const guard = await frozenBy("");
        guard.disconnect();
        await host.waitFor(/^thawed/);
        expect(host.events).to.deep.equal(["pre freeze", "post thaw", "thawed thaw"]);
    });

    for (const [name, find] of Object.entries({ main, watcher })) {
        it(`thaws when its ${name} is killed while a check hangs, and leaves nothing`, async () => {
            const guard = await frozenBy('[ "$1" = freeze ] || exec sleep 1000');
            guard.send("release");
            await host.waitFor(/pre check/);
            host.signal(find(host)!.pid, "SIGKILL");
            expect(await guard.line("releasing")).to.equal("releasing lost");
            await host.waitFor(/^thawed/);
            await host.until(() => host.stateLeft.length === 0, { what: "the end of what it left" });
            await host.until(() => !host.processes().some(({ command }) => command.includes("sleep 1000")));
        });
    }
});
