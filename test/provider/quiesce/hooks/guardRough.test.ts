import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { type GuardParams, composeGuard } from "../../../../provider/quiesce/hooks/guardProgram";
import { companyOf, isGuard, main } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { ShellHosts } from "../../../../lab/hosts/shellHosts";
import { type SshHost, needsRoot } from "../../../../lab/hosts/sshHost";

const LIMITS = { lock: 0, wait: 30, preFreeze: 20, freeze: 60, postThaw: 20 };
const GUARD_END_MS = 60_000;
/** For what has no limit of its own to wait for, with room for a machine that is busy. */
const AT_ONCE_MS = 10_000;

/** It cannot kill what this file of the host names: as what is in an uninterruptible sleep. */
const UNKILLABLE = "/run/test-unkillable";
const SHIM =
    `kill() { case "$1" in -KILL | -TERM) un=none; { read -r un <${UNKILLABLE}; }; ` +
    `case "$2" in "$un" | "-$un") return 0 ;; esac ;; esac; command kill "$@"; }\n`;

/** Where the guard looks at its own processes, and what makes that take half a second. */
const LOOK = "company_is_complete() {\n";
const SLOWLY = `    slow_until=$((now + 50))
    while [ "$now" -lt "$slow_until" ]; do read_clock; done
    echo look >>/run/test-looks
`;

describe("guard, handled roughly,", function () {
    this.timeout(180_000);
    let shells: ShellHosts;

    before(async function () {
        needsRoot(this);
        shells = await ShellHosts.start();
    });
    after(() => shells.stop());

    /** Whatever happens, in the end the host is awake, nothing is left, and no guard runs. */
    async function roughly(host: SshHost, test: (host: SshHost) => Promise<GuardSession>): Promise<void> {
        host.exec(`rm -f ${host.eventsPath} ${host.frozenPath} /run/test-*`);
        host.writeHooks();
        const guard = await test(host);
        guard.disconnect();
        const isOver = () => host.processes().every((one) => !isGuard(one));
        await host.until(isOver, { limit: GUARD_END_MS, what: "the guard's end" });
        expect(host.frozen, guard.lines.join(", ")).to.equal(false);
        expect(host.stateLeft).to.deep.equal([]);
    }

    function everywhere(title: string, test: (host: SshHost) => Promise<GuardSession>): void {
        it(title, () => shells.all((host) => roughly(host, test)));
    }

    async function started(host: SshHost, changes: Partial<GuardParams> = {}): Promise<GuardSession> {
        const guard = await GuardSession.start(host, guardParams(host, { limits: LIMITS, ...changes }));
        await guard.line("ready");
        return guard;
    }
    async function frozen(host: SshHost, changes: Partial<GuardParams> = {}): Promise<GuardSession> {
        const guard = await started(host, changes);
        guard.send("freeze");
        await guard.line("frozen");
        return guard;
    }
    async function thaw(host: SshHost, guard: GuardSession, limit = AT_ONCE_MS): Promise<number> {
        const from = performance.now();
        const what = `the thaw; said: ${guard.lines.join(", ")}`;
        await host.until(() => !host.frozen, { limit, what });
        return performance.now() - from;
    }

    for (const inline of [false, true]) {
        everywhere(
            `its folder is removed while frozen, scripts ${inline ? "inline" : "by path"}: thaws`,
            async (host) => {
                const scripts = {
                    preFreeze: { script: host.preFreezeScript() },
                    postThaw: { script: host.postThawScript('[ "$SET" = value ] || exit 1') },
                    environment: { SET: "value" },
                };
                const guard = await frozen(host, inline ? scripts : {});
                host.exec(`rm -rf ${host.guardDirectory}`);
                guard.disconnect();
                await thaw(host, guard);
                return guard;
            },
        );
    }

    for (const collecting of ["collector_post1", "feeder_post1"]) {
        everywhere(
            `${collecting}, of post-thaw's output, is killed while frozen: thaws at once`,
            async (host) => {
                const guard = await frozen(host, { showHookOutput: true });
                host.signal(companyOf(host).get(collecting) ?? 0, "SIGKILL");
                await thaw(host, guard);
                return guard;
            },
        );
    }

    for (const collecting of ["collector_pre", "feeder_pre"]) {
        everywhere(`${collecting} has ended, and who tells of it gets no time to: held`, async (host) => {
            const guard = await started(host, { showHookOutput: true });
            const pid = companyOf(host).get(collecting) ?? 0;
            const { parent = 0 } = host.processes().find((one) => one.pid === pid) ?? {};
            await host.suspend(parent);
            guard.send("freeze");
            await guard.line("frozen");
            const ended = () => host.processes().every((one) => one.pid !== pid || one.state === "Z");
            await host.until(ended, { what: `the end of ${collecting}` });
            // It looks at all of its processes several times in a second.
            await sleep(2_000);
            guard.send("release");
            await guard.line("releasing");
            host.signal(parent, "SIGCONT");
            expect(guard.lines).to.include("releasing asked");
            await guard.line("thawed");
            return guard;
        });
    }

    everywhere("processes can be had now and then, post-thaw needs ten: thaws", async (host) => {
        host.writeHooks({
            post: "for i in 1 2 3 4 5 6 7 8 9 10; do cat /proc/uptime >/dev/null || exit 3; done",
        });
        const group = shells.groupOf(host);
        const guard = await frozen(host);
        let turn = 0;
        const timer = setInterval(() => ((turn += 1) % 3 === 0 ? group.denyForks() : group.allowForks()), 4);
        guard.send("release");
        await sleep(3_000);
        clearInterval(timer);
        group.allowForks();
        await thaw(host, guard, GUARD_END_MS);
        return guard;
    });

    for (const status of [2, 254]) {
        everywhere(
            `each look for processes is a lucky one, post-thaw ends with a shell's ${status} for 3 s: thaws`,
            async (host) => {
                host.writeHooks({ post: `[ ! -e /run/test-unlucky ] || exit ${status}` });
                const guard = await frozen(host);
                host.exec(": >/run/test-unlucky");
                guard.send("release");
                await sleep(3_000);
                host.exec("rm /run/test-unlucky");
                await thaw(host, guard, GUARD_END_MS);
                return guard;
            },
        );
    }

    everywhere("a few processes can be had, post-thaw needs nine at once: thaws", async (host) => {
        host.writeHooks({
            post: 'true | true | true | true | true | true | true | true || exit 3; x=$(true | true | true | true; echo ok) || exit 3; [ "$x" = ok ] || exit 3',
        });
        const group = shells.groupOf(host);
        const guard = await frozen(host);
        group.leaveForks(3);
        guard.send("release");
        await sleep(3_000);
        group.allowForks();
        await thaw(host, guard, GUARD_END_MS);
        return guard;
    });

    everywhere(
        "a hook looks for another one of its kind, and finds none that waits: freezes and thaws",
        async (host) => {
            const others = (name: string) =>
                `for file in /proc/[0-9]*/cmdline; do\n` +
                `    case $file in */$$/*) continue ;; esac\n` +
                `    if tr '\\0' ' ' <$file | grep -q '${name}-script'; then echo $file >>/run/test-others; exit 1; fi\ndone`;
            host.writeHooks({ pre: others("[p]ost-thaw"), post: others("[p]ost-thaw") });
            const guard = await frozen(host, { rehearse: true });
            guard.send("release");
            await guard.end();
            expect(guard.lines).to.include("rehearsed 0").and.include("thawed 0");
            return guard;
        },
    );

    everywhere("an environment that bash heeds: freezes and thaws", async (host) => {
        const { command, stdin } = composeGuard(guardParams(host, { limits: LIMITS }));
        const heeded = "TMOUT=1 SHELLOPTS=errexit:nounset:noclobber";
        host.writeHooks({ pre: "sleep 2" });
        const guard = await GuardSession.startProgram(host, {
            command: command.replace("sudo -n -u root", `sudo -n -u root env ${heeded}`),
            stdin,
        });
        await guard.freeze();
        guard.send("release");
        await guard.end();
        expect(guard.lines.slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
        return guard;
    });

    const CHILDREN = {
        "in a session of its own, over the limit": `setsid sh -c 'trap "" TERM; sleep 4; LATE'; exit $?`,
        "of a shell in a session of its own, over the limit": `setsid sh -c 'trap "" TERM; sleep 4; LATE' & wait`,
        "in the background, after it failed": "(sleep 2; LATE) & exit 1",
    };
    for (const [what, body] of Object.entries(CHILDREN)) {
        everywhere(`pre-freeze's child ${what}: freezes nothing any more`, async (host) => {
            const late = `: >${host.frozenPath}; echo late >>${host.eventsPath}`;
            host.writeHooks({ pre: body.replace("LATE", late) });
            const guard = await started(host, { limits: { ...LIMITS, preFreeze: 1 } });
            guard.send("freeze");
            await guard.end();
            await sleep(4_000);
            expect(host.events).not.to.include("late");
            return guard;
        });
    }

    it("without sudo, hooks that use it, pre-freeze over its limit: its end is waited for", () =>
        shells.each((host) =>
            roughly(host, async () => {
                const asRoot = (body: string) => `#!/bin/sh\nsudo -n sh -c '${body}'\n`;
                const late = `: >${host.frozenPath}; echo late >>${host.eventsPath}`;
                host.exec(`touch ${host.eventsPath}; chmod 666 ${host.eventsPath}`);
                host.writeScript(host.preFreezePath, asRoot(`trap "" TERM; sleep 4; ${late}`));
                host.writeScript(host.postThawPath, asRoot(`rm ${host.frozenPath} || exit 205`));
                const guard = await started(host, { sudo: false, limits: { ...LIMITS, preFreeze: 1 } });
                guard.send("freeze");
                await guard.end();
                return guard;
            }),
        ));

    for (const [signal, after] of [
        ["SIGKILL", 3_000],
        // Those behind main take over later.
        ["SIGSTOP", 10_000],
    ] as const) {
        everywhere(
            `pre-freeze cannot be killed, main gets ${signal} after the first post-thaw: its end is waited for`,
            async (host) => {
                const late = `: >${host.frozenPath}; echo late >>${host.eventsPath}`;
                host.writeHooks({ pre: `mkfifo /run/test-late; read -r _ <>/run/test-late; ${late}` });
                const params = guardParams(host, { limits: { ...LIMITS, preFreeze: 1 } });
                const guard = await startUnkillable(host, params);
                await guard.line("ready");
                host.exec(`echo ${companyOf(host).get("pre") ?? 0} >${UNKILLABLE}`);
                guard.send("freeze");
                await host.waitFor(/^thawed freezeFail/);
                host.signal(main(host)?.pid ?? 0, signal);
                await sleep(after);
                host.exec("echo go 1<>/run/test-late");
                await host.waitFor(/^late/);
                await thaw(host, guard, GUARD_END_MS);
                return guard;
            },
        );
    }

    async function startUnkillable(host: SshHost, params: GuardParams): Promise<GuardSession> {
        // What begins anew has it as well, because the program's file has it.
        return await startAs(host, SHIM + composeGuard(params).stdin.toString());
    }

    async function startAs(host: SshHost, program: string): Promise<GuardSession> {
        const stdin = Buffer.from(program);
        const shell = `sh -c 'p=$(dd bs=1 count=${stdin.length} 2>/dev/null) && eval "$p"'`;
        return await GuardSession.startProgram(host, {
            command: `sudo -n -u root ${shell} && true`,
            stdin,
        });
    }

    everywhere(
        "on a host so slow that one look takes five ticks, it hears the word at once",
        async (host) => {
            const program = composeGuard(guardParams(host, { limits: LIMITS })).stdin.toString();
            expect(program).to.contain(LOOK);
            const guard = await startAs(host, program.replace(LOOK, LOOK + SLOWLY));
            await guard.line("ready");
            guard.send("freeze");
            await guard.line("frozen");
            const looks = () => Number(host.exec("cat /run/test-looks 2>/dev/null | wc -l"));
            const held = looks();
            await host.until(() => looks() >= held + 10, { what: "looks" });
            const asked = looks();
            guard.send("release");
            await guard.line("releasing");
            // The one that is under way, and the ones that come while this test is told. Behind the ticks it would be far more.
            expect(looks() - asked).to.be.below(6);
            return guard;
        },
    );

    everywhere(
        "an innocent process that has the number of the rehearsal's hook is left alone",
        async (host) => {
            host.writeHooks({
                post: `[ ! -e ${host.frozenPath} ] || [ -e /run/test-go ] || { : >/run/test-go; sleep 2; }`,
            });
            const guard = await frozen(host, { rehearse: true });
            const pid = companyOf(host).get("try") ?? 0;
            host.exec(
                `echo ${pid - 1} >/proc/sys/kernel/ns_last_pid; setsid sh -c 'exec sleep 100' >/dev/null 2>&1 & sleep 0.3`,
            );
            const innocent = () => host.processes().find((found) => found.pid === pid)?.command;
            expect(innocent()).to.equal("sleep 100");
            guard.send("release");
            await host.until(() => host.exec("ls /run").includes("test-go"));
            host.signal(main(host)?.pid ?? 0, "SIGKILL");
            await thaw(host, guard);
            await guard.end();
            expect(innocent()).to.equal("sleep 100");
            host.signal(pid, "SIGKILL");
            return guard;
        },
    );

    everywhere(
        "a post-thaw that waits for its turn is stopped: the other one thaws at once",
        async (host) => {
            const guard = await frozen(host);
            await host.suspend(companyOf(host).get("post1") ?? 0);
            guard.send("release");
            await thaw(host, guard);
            return guard;
        },
    );

    everywhere(
        "main is killed after it has named a post-thaw, and before it has sent the verb",
        async (host) => {
            const guard = await frozen(host);
            const folder = `${host.guardDirectory}/$(ls ${host.guardDirectory} | grep ^acs-)`;
            host.exec(
                `until=$(($(cut -d. -f1 /proc/uptime)00 + 12000)); for inbox in watcher1 watcher2; do ` +
                    `printf 'due 5 %s thawing thaw\\nusing post1\\n' "$until" 1<>${folder}/$inbox; done`,
            );
            host.signal(main(host)?.pid ?? 0, "SIGKILL");
            await thaw(host, guard);
            return guard;
        },
    );

    everywhere(
        "main is killed in a long post-thaw: its watcher waits for it, and is not late",
        async (host) => {
            host.writeHooks({ post: "sleep 15" });
            const guard = await frozen(host, { limits: { ...LIMITS, postThaw: 40 } });
            const first = companyOf(host).get("watcher1") ?? 0;
            guard.send("release");
            await host.waitFor(/^post thaw/);
            host.signal(main(host)?.pid ?? 0, "SIGKILL");
            await sleep(13_000);
            expect(host.processes().some(({ pid }) => pid === first)).to.equal(true);
            await thaw(host, guard, GUARD_END_MS);
            return guard;
        },
    );

    everywhere("who waits for the lock rests between its tries", async (host) => {
        const made = () => Number(host.exec("cat /proc/sys/kernel/ns_last_pid"));
        const guard = await frozen(host);
        const before = made();
        const second = await GuardSession.start(host, guardParams(host, { limits: { ...LIMITS, lock: 3 } }));
        await second.end();
        expect(made() - before).to.be.lessThan(400);
        guard.send("release");
        await guard.end();
        return guard;
    });

    everywhere("a lock whose holder is written a moment later has that holder", async (host) => {
        const folder = host.guardDirectory;
        host.exec(
            `mkdir -m 700 ${folder}; (flock 9; sleep 1.8; echo acs-late ${host.instanceId} >&9; sleep 2; rm -rf ${folder}) ` +
                `9>>${folder}/lock >/dev/null 2>&1 </dev/null & sleep 0.1`,
        );
        const guard = await GuardSession.start(host, guardParams(host));
        await guard.end();
        expect(guard.lines.at(-1)).to.match(/HOST_BUSY acs-late/);
        await host.until(() => host.stateLeft.length === 0);
        return guard;
    });
});
