import { expect } from "chai";
import type { GuardParams } from "../../../../provider/quiesce/hooks/guardProgram";
import { isGuard, main } from "../../../../lab/hosts/guardProcesses";
import { GuardSession, guardParams } from "../../../../lab/hosts/guardSession";
import { needsRoot, startSshHost, type SshHost } from "../../../../lab/hosts/sshHost";

function bootIdOf(host: SshHost): string {
    return host.exec("cat /proc/sys/kernel/random/boot_id").trim();
}

const LIMITS = { lock: 0, wait: 30, preFreeze: 30, freeze: 60, postThaw: 30 };

describe("guard's lock and marker", () => {
    let host: SshHost;
    const open: GuardSession[] = [];

    before(async function () {
        needsRoot(this);
        host = await startSshHost();
    });
    after(() => host.stop());
    beforeEach(() => host.writeHooks());
    afterEach(async () => {
        for (const guard of open.splice(0)) {
            guard.disconnect();
        }
        await host.until(() => !host.processes().some(isGuard));
        host.exec(`rm -rf ${host.guardDirectory} ${host.eventsPath} ${host.frozenPath}`);
    });

    async function start(changes: Partial<GuardParams> = {}): Promise<GuardSession> {
        const guard = await GuardSession.start(host, guardParams(host, changes));
        open.push(guard);
        return guard;
    }

    /** Everything of ours on the host dies at once: the one thing that a guard cannot survive. */
    async function freezeAndKillAll(executionId: string, changes: Partial<GuardParams> = {}): Promise<void> {
        const guard = await start({ executionId, ...changes });
        await guard.freeze();
        await killAll(guard);
        expect(host.frozen, "still frozen").to.equal(true);
        host.exec(`rm ${host.eventsPath}`);
    }

    async function killAll(guard: GuardSession): Promise<void> {
        // Stopped first, the youngest first, so that none sees another die.
        const pids = host
            .processes()
            .filter(isGuard)
            .map(({ pid }) => pid)
            .reverse()
            .join(" ");
        host.exec(`kill -STOP ${pids}; kill -KILL ${pids} || true`);
        guard.disconnect();
        await host.until(() => !host.processes().some(isGuard));
    }

    it("a second execution is refused at once, and told who is there", async () => {
        const first = await start({ executionId: "acs-first" });
        await first.line("ready");
        const second = await start();
        expect((await second.end())[1]).to.equal(`refused HOST_BUSY acs-first ${host.instanceId}`);
        await first.line("ready");
        expect(first.closed).to.equal(false);
    });

    it("what an execution has left that was killed before it froze anything is removed by the next one", async () => {
        const killed = await start({ postThaw: { script: host.postThawScript() } });
        await killed.line("ready");
        await killAll(killed);
        expect(host.stateLeft).not.to.deep.equal([]);
        const next = await start();
        await next.freeze();
        next.send("release");
        expect((await next.end()).at(-1)).to.equal("cleaned ok");
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("what an earlier one has left frozen is not taken for such", async () => {
        await freezeAndKillAll("acs-first", { postThaw: { script: host.postThawScript() } });
        const next = await start();
        expect(await next.line("recovered")).to.equal("recovered acs-first 0");
        next.channel.end();
        await next.end();
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("that is left before anything is frozen says that it has cleaned up", async () => {
        const guard = await start({ postThaw: { script: host.postThawScript() } });
        await guard.line("ready");
        guard.channel.end();
        expect((await guard.end()).at(-1)).to.equal("cleaned ok");
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("a second execution waits for the lock as long as it may", async () => {
        const first = await start();
        await first.freeze();
        const second = await start({ limits: { ...LIMITS, lock: 30 } });
        await second.line("nonce-1");
        first.send("release");
        await first.end();
        await second.freeze();
        second.send("release");
        expect((await second.end()).slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("ten at once take turns, and none loses its lock to another's cleaning", async () => {
        host.writeHooks({
            pre: `[ ! -e /run/inside ] || echo overlap >>${host.eventsPath}; : >/run/inside`,
            post: "rm -f /run/inside",
        });
        await Promise.all(
            Array.from({ length: 10 }, async () => {
                const guard = await start({ limits: { ...LIMITS, lock: 60 } });
                await guard.line("ready", 60_000);
                guard.send("freeze");
                await guard.line("frozen");
                guard.send("release");
                await guard.end();
                expect(guard.lines.slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
            }),
        );
        expect(host.events.filter((event) => event === "thawed thaw").length).to.equal(10);
        expect(host.events).to.not.include("overlap");
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("the lock is held until the host is awake, also when the watcher does it", async () => {
        host.writeHooks({ post: "until [ -e /run/go ]; do sleep 0.05; done" });
        const first = await start({ executionId: "acs-killed", limits: { ...LIMITS, freeze: 57 } });
        await first.freeze();
        host.signal(main(host)?.pid ?? 0, "SIGKILL");
        await host.waitFor(/^post thaw/);
        const second = await start();
        expect((await second.end())[1]).to.match(/^refused HOST_BUSY acs-killed /);
        host.exec(": >/run/go");
        await first.line("thawed");
        await first.end();
        host.exec("rm /run/go");
        await (await start()).line("ready");
    });

    it("main stopped for good: the watcher thaws in the end", async () => {
        const guard = await start({ limits: { ...LIMITS, preFreeze: 1, freeze: 1.5, postThaw: 1 } });
        await guard.freeze();
        await host.suspend(main(host)?.pid ?? 0);
        expect((await guard.end(55_000)).slice(-3)).to.deep.equal([
            "releasing lost",
            "thawed 0",
            "cleaned ok",
        ]);
        expect(host.frozen).to.equal(false);
    });

    it("a stale freeze is thawed first, by its own post-thaw and environment", async () => {
        await freezeAndKillAll("acs-dead", {
            postThaw: {
                script: host.postThawScript(`echo "env $OLD $ACS_EXECUTION_ID" >>${host.eventsPath}`),
            },
            environment: { OLD: "old" },
        });
        const guard = await start();
        await guard.line("ready");
        expect(guard.lines[1]).to.equal("recovered acs-dead 0");
        expect(host.frozen).to.equal(false);
        expect(host.events).to.deep.equal(["post thaw", "env old acs-dead", "thawed thaw"]);
        expect(host.stateLeft).to.not.include(`${host.guardDirectory}/acs-dead`);
        guard.send("freeze");
        await guard.line("frozen");
        guard.send("release");
        expect((await guard.end()).slice(-2)).to.deep.equal(["thawed 0", "cleaned ok"]);
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("a stale freeze that cannot be thawed is not frozen over", async () => {
        await freezeAndKillAll("acs-dead");
        host.writeHooks({ post: "exit 7" });
        const guard = await start();
        expect((await guard.end()).slice(1, 4)).to.deep.equal([
            "tried 7",
            "tried 7",
            "refused STALE_FREEZE acs-dead 7",
        ]);
        expect(host.events.filter((event) => event === "post thaw").length).to.equal(3);
        expect(host.stateLeft).to.include(`${host.guardDirectory}/marker`);
        host.writeHooks();
        const again = await start();
        await again.line("ready");
        expect(again.lines[1]).to.equal("recovered acs-dead 0");
    });

    it("a marker of an earlier boot is forgotten without running anything", async () => {
        await freezeAndKillAll("acs-dead");
        host.changeBootId();
        const guard = await start();
        await guard.line("ready");
        expect(guard.lines.length).to.equal(2);
        expect(host.events).to.deep.equal([]);
        expect(host.stateLeft).to.not.include(`${host.guardDirectory}/marker`);
    });

    it("its own stale freeze is for recover, which has its word to say about it", async () => {
        await freezeAndKillAll("acs-dead");
        const guard = await start({ executionId: "acs-dead" });
        expect((await guard.end())[1]).to.match(/^refused STALE_FREEZE acs-dead/);
        expect(host.events).to.deep.equal([]);
        expect(host.stateLeft).to.include(`${host.guardDirectory}/acs-dead/environment`);
    });

    it("post-thaw fails three times: says so, and leaves what is needed to thaw", async () => {
        host.writeHooks({ post: "exit 9" });
        const guard = await start({ executionId: "acs-asleep", showHookOutput: true });
        await guard.freeze();
        guard.send("release");
        await guard.end();
        expect(guard.lines.slice(-2)).to.deep.equal([
            "thawed 9",
            `cleaned failed ${host.guardDirectory}/acs-asleep`,
        ]);
        expect(host.events.filter((event) => event === "post thaw").length).to.equal(3);
        expect(host.stateLeft).to.include(`${host.guardDirectory}/marker`);

        const still = await start({ mode: "recover", executionId: "acs-asleep" });
        expect((await still.end()).slice(1)).to.deep.equal([
            ...["tried 9", "tried 9", "tried 9"],
            ...["tried 9 current", "tried 9 current"],
            "thawed 9",
            `cleaned failed ${host.guardDirectory}/acs-asleep`,
        ]);
        host.writeHooks();
        const healed = await start({ mode: "recover", executionId: "acs-asleep" });
        expect((await healed.end()).slice(1)).to.deep.equal(["thawed 0", "cleaned ok"]);
        expect(host.frozen).to.equal(false);
        expect(host.stateLeft).to.deep.equal([]);
    });

    describe("recover", () => {
        it("thaws what its execution left, by the marker alone", async () => {
            await freezeAndKillAll("acs-dead", {
                postThaw: { script: host.postThawScript(`echo "env $OLD" >>${host.eventsPath}`) },
                environment: { OLD: "old" },
            });
            const guard = await start({
                mode: "recover",
                executionId: "acs-dead",
                preFreeze: { path: "/nowhere" },
                postThaw: { path: "/nowhere" },
            });
            expect((await guard.end()).slice(1)).to.deep.equal(["thawed 0", "cleaned ok"]);
            expect(host.events).to.deep.equal(["post thaw", "env old", "thawed thaw"]);
            expect(host.stateLeft).to.deep.equal([]);
        });

        it("goes on when the client is gone", async () => {
            await freezeAndKillAll("acs-dead");
            host.writeHooks({ post: "until [ -e /run/go2 ]; do sleep 0.05; done" });
            const guard = await start({ mode: "recover", executionId: "acs-dead" });
            await host.waitFor(/^post thaw/);
            guard.disconnect();
            host.exec(": >/run/go2");
            await host.until(() => !host.frozen && host.stateLeft.length === 0);
        });

        it("leaves another execution's marker alone", async () => {
            await freezeAndKillAll("acs-dead");
            const guard = await start({ mode: "recover", executionId: "acs-other" });
            expect((await guard.end()).slice(1)).to.deep.equal([`gone dmi ${bootIdOf(host)}`]);
            expect(host.events).to.deep.equal([]);
            expect(host.frozen).to.equal(true);
            expect(host.stateLeft).to.include(`${host.guardDirectory}/marker`);
        });

        it("has nothing to do after a reboot", async () => {
            await freezeAndKillAll("acs-dead");
            host.changeBootId();
            const guard = await start({ mode: "recover", executionId: "acs-dead" });
            expect((await guard.end()).slice(1)).to.deep.equal([`gone dmi ${bootIdOf(host)}`]);
            expect(host.events).to.deep.equal([]);
            expect(host.stateLeft).to.deep.equal([]);
        });

        it("has nothing to do on a host that knows nothing", async () => {
            const guard = await start({ mode: "recover" });
            expect((await guard.end()).slice(1)).to.deep.equal([`gone dmi ${bootIdOf(host)}`]);
            expect(host.stateLeft).to.deep.equal([]);
        });

        it("names the host also when nobody asked to verify it, and thaws by the marker", async () => {
            const other = {
                mode: "recover",
                instanceId: "i-0fedcba9876543210",
                verifyIdentity: false,
            } as const;
            const stranger = await start(other);
            expect((await stranger.end()).slice(1)).to.deep.equal([`gone other ${bootIdOf(host)}`]);
            await freezeAndKillAll("acs-dead");
            const guard = await start({ ...other, executionId: "acs-dead" });
            expect((await guard.end()).slice(1)).to.deep.equal(["thawed 0", "cleaned ok"]);
        });

        it("is refused on another instance", async () => {
            const guard = await start({ mode: "recover", instanceId: "i-0fedcba9876543210" });
            expect((await guard.end())[1]).to.equal(`refused WRONG_INSTANCE ${host.instanceId}`);
        });

        it("is refused while its execution is still at work", async () => {
            const first = await start({ executionId: "acs-busy" });
            await first.freeze();
            const guard = await start({ mode: "recover", executionId: "acs-busy" });
            expect((await guard.end())[1]).to.match(/^refused HOST_BUSY acs-busy /);
            expect(host.frozen).to.equal(true);
        });
    });

    const UNSUITABLE: Record<string, { prepare: string; undo: string; text: RegExp }> = {
        "a directory that others can enter": {
            prepare: "mkdir -m 755 /run/app-consistent-snapshot",
            undo: "true",
            text: /a directory, owner 0, mode 755/,
        },
        "a directory of somebody else": {
            prepare: "mkdir -m 700 /run/app-consistent-snapshot; chown 54321 /run/app-consistent-snapshot",
            undo: "true",
            text: /a directory, owner 54321, mode 700/,
        },
        "a link": {
            prepare: "mkdir -m 700 /run/elsewhere; ln -s elsewhere /run/app-consistent-snapshot",
            undo: "rm -r /run/app-consistent-snapshot /run/elsewhere",
            text: /is a symbolic link/,
        },
        "no flock": {
            prepare: "mount --bind /dev/null /usr/bin/flock",
            undo: "umount /usr/bin/flock",
            text: /missing: flock/,
        },
        "no setsid": {
            prepare: "mount --bind /dev/null /usr/bin/setsid",
            undo: "umount /usr/bin/setsid",
            text: /missing: setsid/,
        },
        "no post-thaw script": {
            prepare: "mv /usr/sbin/post-thaw-script /usr/sbin/away",
            undo: "mv /usr/sbin/away /usr/sbin/post-thaw-script",
            text: /the post script: missing/,
        },
    };

    for (const [name, { prepare, undo, text }] of Object.entries(UNSUITABLE)) {
        it(`refuses ${name}`, async () => {
            host.exec(prepare);
            try {
                const guard = await start();
                const [, refusal] = await guard.end();
                expect(refusal).to.match(/^refused HOST_UNSUITABLE /);
                expect(refusal).to.match(text);
                expect(host.events).to.deep.equal([]);
            } finally {
                host.exec(undo);
            }
        });
    }

    it("refuses a /run on a disk", async () => {
        host.exec(
            "mkdir -p /mnt/disk && truncate -s 8M /mnt/disk.img && mkfs.ext4 -q /mnt/disk.img && mount -o loop /mnt/disk.img /mnt/disk",
        );
        host.exec("mkdir /mnt/disk/sshd && mount --bind /mnt/disk /run");
        try {
            const guard = await start();
            expect((await guard.end())[1]).to.equal("refused HOST_UNSUITABLE /run is not a tmpfs");
        } finally {
            host.exec("umount /run; umount /mnt/disk; rm /mnt/disk.img");
        }
    });
});

describe("guard's identity", () => {
    const INSTANCE = "i-0fedcba9876543210";
    let host: SshHost;
    afterEach(() => host.stop());

    async function firstLine(changes: Partial<GuardParams> = {}): Promise<string> {
        host.writeHooks();
        const guard = await GuardSession.start(host, guardParams(host, { instanceId: INSTANCE, ...changes }));
        const line = await guard.nextLine(1);
        guard.disconnect();
        expect(host.events).to.deep.equal([]);
        return line;
    }

    it("refuses another instance, by DMI, before arming", async function () {
        needsRoot(this);
        host = await startSshHost();
        expect(await firstLine()).to.equal(`refused WRONG_INSTANCE ${host.instanceId}`);
        expect(host.stateLeft).to.deep.equal([]);
    });

    it("another instance is not looked at when nobody asks", async function () {
        needsRoot(this);
        host = await startSshHost();
        expect(await firstLine({ verifyIdentity: false })).to.match(/^ready unverified /);
    });

    it("asks the metadata service where there is no DMI", async function () {
        needsRoot(this);
        host = await startSshHost({ identity: "imds", instanceId: INSTANCE });
        expect(await firstLine()).to.match(/^ready imds [0-9a-f-]{36}$/);
    });

    for (const [without, ways] of Object.entries({
        curl: "/usr/bin/curl",
        "curl and wget": "/usr/bin/curl /usr/bin/wget",
    })) {
        it(`asks the metadata service without ${without}`, async function () {
            needsRoot(this);
            host = await startSshHost({ identity: "imds", instanceId: INSTANCE });
            host.exec(`for tool in ${ways}; do [ ! -e $tool ] || mount --bind /dev/null $tool; done`);
            // busybox's, under its usual name.
            if (without !== "curl") {
                host.exec("cp /usr/bin/busybox /usr/sbin/nc");
            }
            expect(await firstLine()).to.match(/^ready imds /);
        });
    }

    it("refuses another instance, by the metadata service", async function () {
        needsRoot(this);
        host = await startSshHost({ identity: "imds" });
        expect(await firstLine()).to.equal(`refused WRONG_INSTANCE ${host.instanceId}`);
    });

    it("is unverified where neither is there", async function () {
        needsRoot(this);
        host = await startSshHost({ identity: "imds" });
        host.exec(
            "for tool in curl wget nc; do [ ! -e /usr/bin/$tool ] || mount --bind /dev/null /usr/bin/$tool; done",
        );
        expect(await firstLine()).to.match(/^ready unverified /);
    });
});
