import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostGroup } from "../../../../lab/hosts/hostGroup";
import { isGuard } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { ShellHosts } from "../../../../lab/hosts/shellHosts";
import { type SshHost, needsRoot } from "../../../../lab/hosts/sshHost";

type Phase = "during pre-freeze" | "while frozen" | "during post-thaw";
/** What the client does meanwhile: it is gone, says nothing more, or goes on as it would. */
type Client = "gone" | "silent" | "alive";

/** A silent client is noticed by the freeze's limit. */
const LIMITS = { lock: 0, wait: 30, preFreeze: 30, freeze: 3, postThaw: 10 };
/** After forks work again; with room for a machine that is busy, and for bash, which tries again after up to 15 s. */
const THAWED_WITHIN_MS = 40_000;

describe("guard, when no process can be had,", function () {
    this.timeout(120_000);
    let shells: ShellHosts;

    before(async function () {
        needsRoot(this);
        shells = await ShellHosts.start();
    });
    after(() => shells.stop());

    function inAllShells(title: string, test: (host: SshHost, group: HostGroup) => Promise<void>): void {
        it(title, () => shells.all((host) => test(host, shells.groupOf(host))));
    }

    const COURSES: [Phase, Client, number][] = [
        ...(["during pre-freeze", "while frozen", "during post-thaw"] as const).flatMap((phase) =>
            (["gone", "silent", "alive"] as const).flatMap((client): [Phase, Client, number][] => [
                [phase, client, 0.5],
                [phase, client, 2],
            ]),
        ),
        // Longer than bash tries.
        ["during pre-freeze", "gone", 20],
        ["while frozen", "gone", 20],
        ["while frozen", "silent", 20],
        ["during post-thaw", "alive", 20],
    ];

    for (const [phase, client, seconds] of COURSES) {
        inAllShells(`${phase}, for ${seconds} s, the client ${client}: thaws`, async (host, group) => {
            host.writeHooks({
                // Without a process to be had it waits on: an error would be another course.
                pre:
                    phase === "during pre-freeze"
                        ? "trap '' TERM; while [ ! -e /run/go ]; do read -r _ </proc/uptime; done"
                        : "",
                post:
                    phase === "during post-thaw"
                        ? "while [ ! -e /run/go ]; do read -r _ </proc/uptime; done"
                        : "",
            });
            const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS }));
            await guard.line("ready");
            guard.send("freeze");
            if (phase === "during pre-freeze") {
                await host.waitFor(/^pre freeze/);
            } else {
                await guard.line("frozen");
            }
            if (phase === "during post-thaw") {
                guard.send("release");
                await host.waitFor(/^post thaw/);
            }
            group.denyForks();
            const before = group.failedForks;
            if (client === "gone") {
                guard.disconnect();
            } else if (client === "silent") {
                guard.stopBeating();
            } else if (phase === "while frozen") {
                guard.send("release");
            }
            if (phase === "during post-thaw") {
                host.exec(": >/run/go");
            }
            await sleep(seconds * 1000);
            host.exec(": >/run/go");
            group.allowForks();
            await host.until(() => !host.frozen && host.stateLeft.length === 0, {
                limit: THAWED_WITHIN_MS,
                what: `the thaw; said: ${guard.lines.join(", ")}`,
            });
            await host.until(() => host.processes().every((process) => !isGuard(process)), {
                what: "the guard's end",
            });
            if (phase === "while frozen" && client === "gone") {
                // Post-thaw, which needs some itself, was tried meanwhile.
                expect(group.failedForks - before, "forks that failed").to.be.greaterThan(0);
            }
            if (client === "alive") {
                await guard.end();
                expect(guard.lines.at(-1)).to.equal("cleaned ok");
                if (phase === "while frozen") {
                    expect(guard.lines).to.include("releasing asked");
                }
            } else {
                guard.disconnect();
            }
            host.exec(`rm -f /run/go ${host.eventsPath}`);
        });
    }
});
