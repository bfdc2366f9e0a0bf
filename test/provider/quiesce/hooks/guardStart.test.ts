import { expect } from "chai";
import { isGuard } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { type Shell, ShellHosts } from "../../../../lab/hosts/shellHosts";
import { type SshHost, needsRoot } from "../../../../lab/hosts/sshHost";

/** Main waits 10 s for the others; with room for a machine that is busy. */
const SAYS_WITHIN_MS = 60_000;

describe("guard, with few processes to start,", function () {
    this.timeout(180_000);
    let shells: ShellHosts;

    before(async function () {
        needsRoot(this);
        // Without sudo, which waits for ever where it cannot fork.
        shells = await ShellHosts.start({ user: "root" });
    });
    after(() => shells.stop());

    async function startWith(more: number, host: SshHost): Promise<string> {
        host.writeHooks();
        const group = shells.groupOf(host);
        group.gather();
        group.leaveForks(more);
        const guard = await GuardSession.start(host, guardParams(host));
        try {
            await host.until(() => guard.lines.length > 1, { limit: SAYS_WITHIN_MS, what: "a line" });
        } finally {
            group.allowForks();
            guard.disconnect();
        }
        await host.until(() => !host.processes().some(isGuard) && host.stateLeft.length === 0, {
            limit: SAYS_WITHIN_MS,
            what: `the guard's end; said: ${guard.lines.join(", ")}; left: ${host.stateLeft.join(", ")}`,
        });
        expect(host.events).to.deep.equal([]);
        return guard.lines[1] ?? "";
    }

    const REFUSAL = /^refused HOST_UNSUITABLE .*TasksMax/;
    const rows: [what: string, more: number, shells: readonly Shell[], said: RegExp][] = [
        // bash takes more than a minute to say so.
        ["too few for the first of them", 5, ["dash", "busybox"], REFUSAL],
        ["too few for all of them", 12, ["dash", "busybox", "bash"], REFUSAL],
        // A hook of bash waits for the process to try its environment with, and comes when the others have given up.
        ["too few for the hooks' environment", 8, ["bash"], REFUSAL],
        ["just too few, or just enough", 16, ["bash"], /^ready |TasksMax/],
        ["enough", 40, ["dash", "busybox", "bash"], /^ready /],
    ];
    for (const [what, more, which, said] of rows) {
        it(`${what}: says so, and leaves nothing`, () =>
            shells.all(async (host, sh) => {
                if (which.includes(sh)) {
                    expect(await startWith(more, host)).to.match(said);
                }
            }));
    }
});
