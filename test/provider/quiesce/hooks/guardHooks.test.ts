import { expect } from "chai";
import { readFileSync } from "node:fs";
import { isAwake, parseGuardLine } from "../../../../provider/quiesce/hooks/guardLine";
import type { GuardParams } from "../../../../provider/quiesce/hooks/guardProgram";
import { main } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost } from "../../../../lab/hosts/sshHost";

const LIMITS = { lock: 0, wait: 30, preFreeze: 30, freeze: 60, postThaw: 30 };

/** Writes what a hook can see of itself. A child looks, for a shell has dispositions and descriptors of its own. */
const LOOK = `{
    grep -E '^Sig(Ign|Blk):' /proc/self/status
    for fd in 0 2; do echo "fd$fd $(readlink /proc/self/fd/$fd)"; done
    echo "fds $(ls /proc/self/fd | xargs)"
    echo "stdout $FIRST_STDOUT"
    echo "cwd $(pwd)"
    echo "umask $(umask)"
    echo "oom $(cat /proc/self/oom_score_adj)"
    echo "ids $$ $(ps -o pgid=,sid=,tty= -p $$ | tr -s ' ')"
    env | sort | sed 's/^/env /'
} >/run/seen.$1`;
const HOOK_THAT_LOOKS = `#!/bin/sh\nFIRST_STDOUT=$(readlink /proc/$$/fd/1)\n${LOOK}\n`;

function expectCleanHook(host: SshHost, verb: string): void {
    const seen = readFileSync(host.path(`/run/seen.${verb}`), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/\s+/));
    const find = (name: string) =>
        seen
            .find(([first]) => first === name)
            ?.slice(1)
            .join(" ");
    expect(find("SigIgn:"), "ignored signals").to.equal("0000000000000000");
    expect(find("SigBlk:"), "blocked signals").to.equal("0000000000000000");
    expect(find("fd0")).to.equal("/dev/null");
    expect(find("fd2")).to.equal("/dev/null");
    expect(find("stdout")).to.equal("/dev/null");
    // The fourth is ls's own.
    expect(find("fds")).to.equal("0 1 2 3");
    expect(find("cwd")).to.equal("/");
    expect(find("umask")).to.match(/^0?022$/);
    const [pid, group, session, tty] = (find("ids") ?? "").split(" ");
    expect([group, session, tty]).to.deep.equal([pid, pid, "?"]);
    const names = seen
        .filter(([first]) => first === "env")
        .map(([, variable = ""]) => variable.split("=")[0]);
    // What is not ours is what shells set of themselves.
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name ?? ""))).to.deep.equal([
        "ACS_EXECUTION_ID",
        "ACS_INSTANCE_ID",
        "ACS_PRE_FREEZE_SECONDS",
        "HOME",
        "LC_ALL",
        "LOGNAME",
        "MY_SECRET",
        "PATH",
        "SHELL",
        "USER",
    ]);
    const root = host.exec("grep ^root: /etc/passwd").trim().split(":");
    for (const variable of [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/run/current-system/sw/bin:/run/wrappers/bin",
        "LC_ALL=C",
        "USER=root",
        "LOGNAME=root",
        `HOME=${root[5] ?? ""}`,
        `SHELL=${root[6] ?? ""}`,
    ]) {
        expect(seen).to.deep.include(["env", variable]);
    }
    expect(find("oom")).to.equal("0");
}

for (const sh of ["dash", "bash", "busybox"] as const) {
    for (const sudo of ["nopasswd", "pty-and-log"] as const) {
        describe(`guard's hooks, ${sh}, sudo ${sudo}`, () => {
            let host: SshHost;
            before(async function () {
                needsRoot(this);
                host = await startSshHost({ sh, sudo, loginShell: "/bin/sh" });
            });
            after(() => host.stop());

            for (const how of ["by path", "inline"] as const) {
                it(`${how}: start clean, with one argument`, async () => {
                    host.writeScript(host.preFreezePath, HOOK_THAT_LOOKS);
                    host.writeScript(host.postThawPath, HOOK_THAT_LOOKS);
                    const inline = {
                        preFreeze: { script: HOOK_THAT_LOOKS },
                        postThaw: { script: HOOK_THAT_LOOKS },
                    };
                    const guard = await GuardSession.start(
                        host,
                        guardParams(host, {
                            environment: { MY_SECRET: "s3cret" },
                            ...(how === "inline" ? inline : {}),
                        }),
                    );
                    await guard.freeze();
                    guard.send("release");
                    await guard.end();
                    expect(guard.lines).to.include("cleaned ok");
                    expectCleanHook(host, "freeze");
                    expectCleanHook(host, "thaw");
                    host.exec("rm /run/seen.*");
                });
            }

            it("of the watcher start clean, too", async () => {
                host.writeHooks();
                host.writeScript(host.postThawPath, HOOK_THAT_LOOKS + "rm -f /run/test-frozen");
                const guard = await GuardSession.start(
                    host,
                    guardParams(host, {
                        environment: { MY_SECRET: "s3cret" },
                        limits: { ...LIMITS, freeze: 57 },
                    }),
                );
                await guard.freeze();
                host.signal(main(host)?.pid ?? 0, "SIGKILL");
                await guard.end();
                expect(guard.lines.slice(-3)).to.deep.equal(["releasing lost", "thawed 0", "cleaned ok"]);
                expectCleanHook(host, "thaw");
            });
        });
    }
}

describe("guard's hooks", () => {
    let host: SshHost;
    let guard: GuardSession;

    before(async function () {
        needsRoot(this);
        host = await startSshHost();
    });
    after(() => host.stop());
    afterEach(async () => {
        guard.disconnect();
        await host.until(() => !host.frozen && host.stateLeft.length === 0, { what: "the guard's end" });
        host.exec(`rm -f ${host.eventsPath}`);
    });

    async function start(changes: Partial<GuardParams> = {}): Promise<void> {
        guard = await GuardSession.start(host, guardParams(host, changes));
        await guard.line("ready");
        guard.send("freeze");
    }

    async function release(): Promise<void> {
        await guard.line("frozen");
        guard.send("release");
        await guard.end();
    }

    it("pre-freeze is killed: what it had started ends before post-thaw, and freezes nothing after it", async () => {
        host.writeHooks({ pre: `sh -c 'sleep 60; echo late' >>${host.eventsPath} &\nkill -KILL $$` });
        await start();
        expect((await guard.end()).slice(3)).to.deep.equal(["unfrozen 137", "thawed 0", "cleaned ok"]);
        expect(host.processes().filter(({ command }) => command.includes("late"))).to.deep.equal([]);
    });

    it("pre-freeze exits 3: post-thaw with freezeFail", async () => {
        host.writeHooks({ pre: "exit 3" });
        await start();
        expect((await guard.end()).slice(2)).to.deep.equal([
            "freezing",
            "unfrozen 3",
            "thawed 0",
            "cleaned ok",
        ]);
        expect(host.events).to.deep.equal(["pre freeze", "post freezeFail", "thawed freezeFail"]);
    });

    it("pre-freeze hangs, with children: the whole group is ended", async () => {
        host.writeHooks({ pre: "sleep 4711 & sleep 4712" });
        await start({ limits: { ...LIMITS, preFreeze: 1 } });
        expect((await guard.end()).slice(3)).to.deep.equal(["unfrozen timeout", "thawed 0", "cleaned ok"]);
        expect(host.processes().filter(({ command }) => command.startsWith("sleep 471"))).to.deep.equal([]);
    });

    it("pre-freeze hangs and ignores TERM: killed", async () => {
        host.writeHooks({ pre: "trap '' TERM; while :; do sleep 4713; done" });
        await start({ limits: { ...LIMITS, preFreeze: 1 } });
        expect((await guard.end()).slice(3)).to.deep.equal(["unfrozen timeout", "thawed 0", "cleaned ok"]);
        expect(host.events).to.include("thawed freezeFail");
    });

    it("pre-freeze may undo its work when told to end, and post-thaw waits for that", async () => {
        host.writeHooks({ pre: `trap 'echo undone >>${host.eventsPath}; exit 1' TERM; sleep 60 & wait` });
        await start({ limits: { ...LIMITS, preFreeze: 1 } });
        await guard.end();
        expect(host.events).to.deep.equal(["pre freeze", "undone", "post freezeFail", "thawed freezeFail"]);
    });

    it("the connection ends during pre-freeze: ended, then post-thaw", async () => {
        host.writeHooks({ pre: `trap 'echo ended >>${host.eventsPath}; exit 1' TERM; sleep 60 & wait` });
        await start();
        await host.waitFor(/^pre/);
        guard.disconnect();
        await host.waitFor(/^thawed freezeFail/);
        expect(host.events).to.deep.equal(["pre freeze", "ended", "post freezeFail", "thawed freezeFail"]);
    });

    it("a word during pre-freeze is not a release: nobody can have asked for a snapshot yet", async () => {
        host.writeHooks({ pre: "sleep 60" });
        await start();
        await host.waitFor(/^pre/);
        guard.send("release");
        expect((await guard.end()).slice(3)).to.deep.equal(["unfrozen eof", "thawed 0", "cleaned ok"]);
    });

    it("a word that it does not know lets go", async () => {
        host.writeHooks();
        await start();
        await guard.line("frozen");
        guard.channel.write("realease\n");
        expect((await guard.end()).slice(4)).to.deep.equal(["releasing eof", "thawed 0", "cleaned ok"]);
    });

    it("the freeze's limit lets go", async () => {
        host.writeHooks();
        await start({ limits: { ...LIMITS, freeze: 1 } });
        expect((await guard.end()).slice(2)).to.deep.equal([
            "freezing",
            "frozen",
            "releasing expired",
            "thawed 0",
            "cleaned ok",
        ]);
    });

    it("no word in time: nothing is touched", async () => {
        host.writeHooks();
        guard = await GuardSession.start(host, guardParams(host, { limits: { ...LIMITS, wait: 1 } }));
        expect((await guard.end()).slice(2)).to.deep.equal(["cleaned ok"]);
        expect(host.events).to.deep.equal([]);
    });

    for (const showHookOutput of [false, true]) {
        it(`a million lines on both outputs do not delay it, showHookOutput ${String(showHookOutput)}`, async () => {
            host.writeHooks({ pre: "seq 1000000; seq 1000000 >&2", post: "seq 1000000; seq 1000000 >&2" });
            await start({ showHookOutput });
            await release();
            expect(guard.lines.slice(2)).to.deep.equal([
                "freezing",
                "frozen",
                "releasing asked",
                "thawed 0",
                "cleaned ok",
            ]);
        });

        it(`a daemon that keeps the outputs open holds the freeze, showHookOutput ${String(showHookOutput)}`, async () => {
            host.writeHooks({
                pre: `( while sleep 0.05; do echo held >&2; done ) & echo $! >/run/daemon`,
                post: `kill "$(cat /run/daemon)" && echo "daemon was there" >>${host.eventsPath}`,
            });
            await start({ showHookOutput });
            await release();
            expect(guard.lines.slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
            expect(host.events).to.include("daemon was there");
        });
    }

    it("a daemon left behind keeps neither the lock nor the connection", async () => {
        host.writeHooks({ pre: "setsid sleep 4714 &" });
        await start();
        await release();
        const second = await GuardSession.start(host, guardParams(host));
        await second.line("ready");
        second.disconnect();
        host.exec("pkill -x -f 'sleep 4714'");
    });

    it("a hook that reads finds the end of its input", async () => {
        host.writeHooks({ pre: `cat >/dev/null; echo "read" >>${host.eventsPath}` });
        await start();
        await release();
        expect(host.events).to.include("read");
    });

    it("the end of a failed hook's standard error is told, when asked for", async () => {
        host.writeHooks({ pre: "seq 100000 >&2; echo 'the end' >&2; exit 1", post: "echo unseen >&2" });
        await start({ showHookOutput: true });
        const outputs = (await guard.end()).map(parseGuardLine).filter((line) => line.kind === "output");
        expect(outputs.map(({ hook }) => hook)).to.deep.equal(["pre"]);
        expect(outputs[0]?.bytes.length).to.equal(2048);
        expect(outputs[0]?.bytes.toString()).to.match(/\n99999\n100000\nthe end\n$/);
    });

    it("a failed hook's standard error that a daemon keeps open does not delay it", async () => {
        host.writeHooks({ pre: "echo oops >&2; setsid sleep 4715 & exit 1" });
        await start({ showHookOutput: true });
        await guard.end();
        expect(guard.lines.slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
        host.exec("pkill -x -f 'sleep 4715'");
    });

    it("exit 205 of post-thaw: already thawed", async () => {
        host.writeHooks({ post: `rm -f ${host.frozenPath}; exit 205` });
        await start();
        await release();
        expect(guard.lines.slice(-3)).to.deep.equal(["releasing asked", "thawed 205", "cleaned ok"]);
        expect(isAwake(205)).to.equal(true);
    });

    it("a post-thaw that dies by a signal is run again", async () => {
        host.writeHooks({ post: "[ -e /run/second ] || { : >/run/second; kill -9 $$; }" });
        await start();
        await release();
        expect(guard.lines.slice(-4)).to.deep.equal([
            "releasing asked",
            "tried 137",
            "thawed 0",
            "cleaned ok",
        ]);
        expect(host.events).to.deep.equal(["pre freeze", "post thaw", "post thaw", "thawed thaw"]);
    });

    it("a post-thaw that hangs is ended and run again", async () => {
        host.writeHooks({ post: "[ -e /run/third ] || { : >/run/third; trap '' TERM; sleep 60; }" });
        await start({ limits: { ...LIMITS, postThaw: 1 } });
        await release();
        expect(guard.lines.slice(-4)).to.deep.equal([
            "releasing asked",
            "tried timeout",
            "thawed 0",
            "cleaned ok",
        ]);
    });

    it("a script without #! is run by sh", async () => {
        host.writeScript(host.preFreezePath, `echo "plain $1" >>${host.eventsPath}\n`);
        host.writeScript(host.postThawPath, `echo "plain $1" >>${host.eventsPath}\n`);
        await start();
        await release();
        expect(host.events).to.deep.equal(["plain freeze", "plain thaw"]);
    });

    it("inline scripts: any interpreter, any text, also where /run is noexec", async () => {
        host.exec("mount -o remount,noexec /run");
        const python = `#!/usr/bin/env python3\nimport os, sys\nopen("${host.eventsPath}", "a").write("python %s %s\\n" % (sys.argv[1], os.environ["ODD"].encode().hex()))\n`;
        const plain = `x='it'"'"'s \\ $(no) \`tick\` !'\necho "sh $1 $x" >>${host.eventsPath}\n`;
        const odd = "a'b\"c\\ $d `e` !f\n\tend\nö";
        await start({
            preFreeze: { script: python },
            postThaw: { script: plain },
            environment: { ODD: odd },
        });
        await release();
        host.exec("mount -o remount,exec /run");
        expect(host.events).to.deep.equal([
            `python freeze ${Buffer.from(odd).toString("hex")}`,
            "sh thaw it's \\ $(no) `tick` !",
        ]);
    });

    it("no secret is in any argument, nor in any process's environment but the hooks'", async () => {
        host.writeHooks();
        await start({
            preFreeze: { script: `#!/bin/sh\n# s3cret-in-script\n${host.preFreezeScript()}` },
            postThaw: { script: `#!/bin/sh\n# s3cret-in-script\n${host.postThawScript()}` },
            environment: { PASSWORD: "s3cret-in-environment" },
        });
        await guard.line("frozen");
        const seen = host.exec(
            "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; tr '\\0' ' ' <$p/environ; done 2>/dev/null; true",
        );
        expect(seen).to.include("eval");
        expect(seen).to.not.include("s3cret");
        const modes = host.exec(`stat -c '%a %u %n' $(find ${host.guardDirectory})`).trim().split("\n");
        for (const line of modes) {
            expect(line).to.match(/^[67]00 0 /);
        }
        guard.send("release");
        await guard.end();
    });
});

describe("guard, on a host whose disks cannot be written", () => {
    let host: SshHost;
    before(async function () {
        needsRoot(this);
        host = await startSshHost({ readOnlyDisk: true });
    });
    after(() => host.stop());

    it("works all the same: it keeps everything in /run", async () => {
        expect(() => host.exec("touch /tmp/x /var/tmp/x /root/x /x")).to.throw(/Read-only/);
        const guard = await GuardSession.start(
            host,
            guardParams(host, {
                preFreeze: { script: host.preFreezeScript() },
                postThaw: { script: host.postThawScript() },
                environment: { A: "b" },
                showHookOutput: true,
            }),
        );
        await guard.freeze();
        expect(host.frozen).to.equal(true);
        guard.send("release");
        expect((await guard.end()).slice(-3)).to.deep.equal(["releasing asked", "thawed 0", "cleaned ok"]);
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("refuses when /run is full", async () => {
        host.exec(
            "mkdir -m 700 /run/app-consistent-snapshot && mount -t tmpfs -o size=48k,mode=700 full /run/app-consistent-snapshot",
        );
        const guard = await GuardSession.start(
            host,
            guardParams(host, {
                preFreeze: { script: `#!/bin/sh\n#${"x".repeat(60_000)}` },
                postThaw: { script: "exit 0" },
            }),
        );
        expect((await guard.end())[1]).to.match(/^refused HOST_UNSUITABLE \/run has no room /);
        expect(host.stateLeft.filter((path) => path !== host.guardDirectory)).to.deep.equal([]);
        host.exec("umount /run/app-consistent-snapshot; rmdir /run/app-consistent-snapshot");
    });
});
