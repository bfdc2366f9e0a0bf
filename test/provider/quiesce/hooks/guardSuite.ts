import { expect } from "chai";
import { parseGuardLine } from "../../../../provider/quiesce/hooks/guardLine";
import { isGuard, main } from "../../../../lab/hosts/guardProcesses";
import { HostGroup } from "../../../../lab/hosts/hostGroup";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost, type SshHostOptions } from "../../../../lab/hosts/sshHost";

/** With room for a machine that is busy, and for bash, which tries to fork again after up to 15 s. */
const THAWED_WITHIN_MS = 40_000;

/** What the guard does on every host on which it starts. */
export function describeGuard(name: string, options: SshHostOptions): void {
    describe(`guard, ${name}`, function () {
        this.timeout(120_000);
        let host: SshHost;

        before(async function () {
            needsRoot(this);
            host = await startSshHost(options);
            host.writeHooks();
        });
        after(() => host.stop());
        afterEach(async () => {
            await host.until(() => !host.frozen && host.stateLeft.length === 0, { what: "a clean host" });
            await host.until(() => !host.processes().some(isGuard), { what: "the guard's end" });
            host.exec(`rm -f ${host.eventsPath}`);
            host.writeHooks();
        });

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

/** What else a user land may do differently: signals, forks, the end of what a hook says. */
export function describeGuardInTrouble(name: string, options: SshHostOptions): void {
    describe(`guard in trouble, ${name}`, function () {
        this.timeout(120_000);
        let host: SshHost;

        before(async function () {
            needsRoot(this);
            host = await startSshHost(options);
        });
        after(() => host.stop());
        beforeEach(() => host.writeHooks());
        afterEach(async () => {
            await host.until(() => !host.frozen && host.stateLeft.length === 0, {
                limit: THAWED_WITHIN_MS,
                what: "a clean host",
            });
            await host.until(() => !host.processes().some(isGuard), { what: "the guard's end" });
            host.exec(`rm -f ${host.eventsPath}`);
        });

        it("thaws when its first process is killed, and says so", async () => {
            const guard = await GuardSession.start(host, guardParams(host));
            await guard.freeze();
            host.signal(main(host)?.pid ?? 0, "SIGKILL");
            await guard.line("thawed");
            expect(guard.lines).to.include("releasing lost");
            await guard.end();
        });

        it("keeps the freeze's limit when its first process is stopped", async () => {
            const limits = { lock: 0, wait: 30, preFreeze: 30, freeze: 2, postThaw: 30 };
            const guard = await GuardSession.start(host, guardParams(host, { limits }));
            await guard.freeze();
            await host.suspend(main(host)?.pid ?? 0);
            await host.until(() => !host.frozen, { what: "the thaw" });
            guard.disconnect();
        });

        it("thaws when no process can be had and the client is gone", async () => {
            const group = HostGroup.around(host);
            try {
                const guard = await GuardSession.start(host, guardParams(host));
                await guard.freeze();
                group.gather();
                group.denyForks();
                guard.disconnect();
                await host.waitFor(/^post thaw/);
                group.allowForks();
                await host.until(() => !host.frozen, { limit: THAWED_WITHIN_MS, what: "the thaw" });
            } finally {
                group.allowForks();
                void host.stop().then(() => group.remove());
                host = await startSshHost(options);
            }
        });

        it("thaws after a pre-freeze that hangs, with children in sessions of their own", async () => {
            host.writeHooks({ pre: "setsid sleep 4711 &\ntrap '' TERM\nwhile :; do sleep 4712; done" });
            const limits = { lock: 0, wait: 30, preFreeze: 1, freeze: 30, postThaw: 30 };
            const guard = await GuardSession.start(host, guardParams(host, { limits }));
            await guard.line("ready");
            guard.send("freeze");
            expect((await guard.end()).slice(3)).to.deep.equal([
                "unfrozen timeout",
                "thawed 0",
                "cleaned ok",
            ]);
            expect(host.events).to.include("thawed freezeFail");
        });

        it("runs inline scripts, and sends what a failed one said last", async () => {
            const guard = await GuardSession.start(
                host,
                guardParams(host, {
                    preFreeze: { script: "echo no database >&2\nexit 3\n" },
                    postThaw: { script: host.postThawScript() },
                    environment: { APP_PASSWORD: "s3cret" },
                    showHookOutput: true,
                }),
            );
            await guard.line("ready");
            guard.send("freeze");
            await guard.end();
            const said = guard.said.find((line) => line.kind === "output");
            expect(said).to.deep.include({ kind: "output", hook: "pre" });
            expect(said?.kind === "output" && said.bytes.toString()).to.equal("no database\n");
            expect(guard.lines).to.include("unfrozen 3").and.include("thawed 0");
        });

        it("names who holds the host to a second one", async () => {
            const first = await GuardSession.start(host, guardParams(host));
            await first.freeze();
            const second = await GuardSession.start(host, guardParams(host));
            expect((await second.end()).at(-1)).to.match(/^refused HOST_BUSY acs-test-\d+ /);
            first.send("release");
            await first.end();
        });
    });
}
