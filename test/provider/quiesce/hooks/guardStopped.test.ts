import { expect } from "chai";
import { isGuard, main, top } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost } from "../../../../lab/hosts/sshHost";

/** Short, for where sudo passes the words on itself, a stopped one passes none. */
const LIMITS = { lock: 0, wait: 30, preFreeze: 30, freeze: 8, postThaw: 30 };

for (const sudo of ["nopasswd", "pty-and-log"] as const) {
    for (const sh of ["dash", "bash", "busybox"] as const) {
        describe(`guard, stopped by a signal and continued, ${sh}, sudo ${sudo}`, () => {
            let host: SshHost;

            before(async function () {
                needsRoot(this);
                host = await startSshHost({ sh, sudo, loginShell: "/bin/sh" });
                host.writeHooks();
            });
            after(() => host.stop());
            afterEach(() => host.exec(`rm -f ${host.eventsPath}`));

            const sudoStates = () =>
                host
                    .processes()
                    .filter(({ command }) => command.startsWith("sudo -n"))
                    .map(({ state }) => state[0]);

            /** A freeze whose command was stopped, and sudo with it. */
            async function freezeAndStop(): Promise<{ guard: GuardSession; pid: number }> {
                const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
                await guard.freeze();
                const pid = top(host)?.pid ?? 0;
                host.signal(pid, "SIGSTOP");
                await host.until(() => sudoStates().includes("T"), { what: "sudo's stop" });
                return { guard, pid };
            }
            async function expectNothingLeft(): Promise<void> {
                await host.until(
                    () => host.processes().every((one) => !isGuard(one)) && sudoStates().length === 0,
                    { what: "the end of the guard and of sudo" },
                );
                expect(host.frozen).to.equal(false);
                expect(host.stateLeft).to.deep.equal([]);
            }

            for (const continued of [true, false]) {
                it(`sudo, which stops with its command, ends with the guard, its command ${continued ? "" : "not "}continued`, async () => {
                    const { guard, pid } = await freezeAndStop();
                    if (continued) {
                        host.signal(pid, "SIGCONT");
                    }
                    guard.send("release");
                    await expectNothingLeft();
                });
            }

            it("also with the watcher, when main is killed", async () => {
                const { pid } = await freezeAndStop();
                host.signal(pid, "SIGCONT");
                host.signal(main(host)?.pid ?? 0, "SIGKILL");
                await expectNothingLeft();
            });
        });
    }
}
