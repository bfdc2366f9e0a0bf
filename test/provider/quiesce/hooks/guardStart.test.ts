import { expect } from "chai";
import { isGuard } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { ShellHosts } from "../../../../lab/hosts/shellHosts";
import { needsRoot } from "../../../../lab/hosts/sshHost";

/** bash tries to fork again for up to 15 s, and main waits 10 s for the others; with room for a machine that is busy. */
const OVER_WITHIN_MS = 60_000;

/** From none that the server itself could have to all that the guard needs. */
const MORE_PROCESSES = [4, 6, 8, 10, 12, 14, 16, 18, 20, 22];

describe("guard, with too few processes to start", function () {
    this.timeout(300_000);
    let shells: ShellHosts;
    const refusals = new Set<string>();

    before(async function () {
        needsRoot(this);
        // Without sudo, which waits for ever where it cannot fork.
        shells = await ShellHosts.start({ user: "root" });
    });
    after(() => shells.stop());

    for (const more of MORE_PROCESSES) {
        it(`${more} more: is ready, or says why not, and leaves nothing`, () =>
            shells.all(async (host, sh) => {
                host.writeHooks();
                const group = shells.groupOf(host);
                group.gather();
                group.leaveForks(more);
                let guard: GuardSession | undefined;
                try {
                    guard = await GuardSession.start(host, guardParams(host)).catch(() => undefined);
                    await guard?.line("ready", OVER_WITHIN_MS).catch(() => undefined);
                    const said = guard?.lines.find((line) => line.startsWith("refused "));
                    if (said !== undefined) {
                        expect(said).to.match(/HOST_UNSUITABLE .*(TasksMax|no room)/);
                        refusals.add(sh);
                    }
                } finally {
                    group.allowForks();
                    guard?.disconnect();
                }
                await host.until(() => !host.processes().some(isGuard), {
                    limit: OVER_WITHIN_MS,
                    what: "the guard's end",
                });
                expect(host.stateLeft).to.deep.equal([]);
                expect(host.events).to.deep.equal([]);
            }));
    }

    it("said why not in every shell", () => {
        expect([...refusals].sort()).to.deep.equal(["bash", "busybox", "dash"]);
    });
});
