// Freezes: recipes hold real file systems.
import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { combine, fileSystems, redis } from "../../recipes";
import { RecipeHost } from "../../lab/hosts/recipeHost";
import { needsRoot } from "../../lab/hosts/sshHost";

const DATA_DEVICE = "$(stat -c %Hd:%Ld /mnt/data)";
const LOG_DEVICE = "$(stat -c %Hd:%Ld /mnt/log)";
/** Whoever freezes; not who thaws in three minutes. */
const KILL_FREEZER =
    "for pid in $(pgrep -f '^sh /run/recipe'); do pgrep -P $pid -f '^sleep 180$' >/dev/null || kill -KILL $pid; done";

/** As automount(8) does for one path, once: autofs.rst in the kernel's documentation, protocol 5, a direct mount. */
const AUTOMOUNT = `#!/usr/bin/python3
import ctypes, fcntl, os, struct, subprocess, sys
target, image = sys.argv[1:]
os.setpgid(0, 0)
read_end, write_end = os.pipe()
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={write_end},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct"
# Named so that the lab lets it be frozen: findmnt shows this name.
if libc.mount(b"/dev/loop-by-automount", target.encode(), b"autofs", 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
trigger = os.open(target, os.O_RDONLY)
packet = os.read(read_end, 4096)
(token,) = struct.unpack_from("I", packet, 8)
subprocess.run(["mount", "-o", "loop", image, target], check=True)
fcntl.ioctl(trigger, 0x9360, token)  # AUTOFS_IOC_READY
`;
const MOUNTED = "until grep -q ' /mnt/automatic .* autofs ' /proc/self/mountinfo; do sleep 0.05; done";

describe("the recipe for file systems", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start([
            { mountPoint: "/mnt/data", fileSystem: "ext4" },
            { mountPoint: "/mnt/log", fileSystem: "xfs" },
        ]);
    });
    after(() => (lab as RecipeHost | undefined)?.stop());

    const both = fileSystems(["/mnt/data", "/mnt/log"]);
    const isFrozen = () => Promise.all(["/mnt/data", "/mnt/log"].map((one) => lab.isFrozen(one)));
    const expectAwake = async () => {
        expect(await isFrozen()).to.deep.equal([false, false]);
        expect(await lab.left()).to.deep.equal([]);
    };

    for (const shell of ["dash", "bash", "busybox sh"]) {
        it(`freezes, tells that it holds, and thaws, under ${shell}`, async () => {
            await lab.ready(both);
            expect(await lab.run("freeze", { shell })).to.deep.equal({ exitCode: 0, output: "" });
            expect(await lab.run("check", { shell })).to.deep.equal({ exitCode: 0, output: "" });
            expect(await isFrozen()).to.deep.equal([true, true]);
            expect(await lab.run("thaw", { shell })).to.deep.equal({ exitCode: 0, output: "" });
            await expectAwake();
        });
    }

    it("thaws once: again is 205, already thawed; then nothing is held", async () => {
        await lab.ready(both);
        await lab.run("freeze");
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        expect((await lab.run("thaw")).exitCode).to.equal(205);
        expect((await lab.run("freezeFail")).exitCode).to.equal(205);
        expect((await lab.run("check")).exitCode).to.equal(1);
    });

    it("freezes anew what nobody has thawed", async () => {
        await lab.ready(both);
        const execution = "acs-1";
        await lab.run("freeze", { execution });
        expect((await lab.run("freeze", { execution })).exitCode).to.equal(0);
        expect(await isFrozen()).to.deep.equal([true, true]);
        expect((await lab.run("freezeFail", { execution })).exitCode).to.equal(0);
        await expectAwake();
    });

    it("by hand, where nobody can tell whose hold it is, freezes nothing anew", async () => {
        await lab.ready(both);
        await lab.run("freeze");
        const { exitCode, output } = await lab.run("freeze");
        expect({ exitCode, output }).to.deep.equal({
            exitCode: 1,
            output: "it is frozen already, for: by hand\n",
        });
        expect(await isFrozen()).to.deep.equal([true, true]);
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        await expectAwake();
    });

    it("notices that somebody else has thawed", async () => {
        await lab.ready(both);
        await lab.run("freeze");
        await lab.shell("fsfreeze -u /mnt/data && echo >/mnt/data/written && sync -f /mnt/data");
        const { exitCode, output } = await lab.run("check");
        expect(exitCode).to.equal(1);
        expect(output).to.include("was written to");
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        await expectAwake();
    });

    it("leaves alone what somebody else has frozen, and undoes its own half", async () => {
        await lab.ready(both);
        await lab.shell("fsfreeze -f /mnt/log");
        expect((await lab.run("freeze")).exitCode).to.equal(1);
        expect(await isFrozen()).to.deep.equal([false, true]);
        expect((await lab.run("freezeFail")).exitCode).to.equal(205);
        expect(await lab.isFrozen("/mnt/log")).to.be.true;
        await lab.shell("fsfreeze -u /mnt/log");
        await expectAwake();
    });

    it("freezes a file system once, by whichever of its paths", async () => {
        await lab.shell(
            "mkdir -p /mnt/data/a /mnt/bound && mount --bind /mnt/data/a /mnt/bound && ln -sfn /mnt/data /mnt/link",
        );
        await lab.ready(fileSystems(["/mnt/bound", "/mnt/link", "/mnt/data/a", "/mnt/log"]));
        expect(await lab.run("freeze")).to.deep.equal({ exitCode: 0, output: "" });
        expect(await isFrozen()).to.deep.equal([true, true]);
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        await expectAwake();
    });

    describe("one in a file of the other", () => {
        before(() =>
            lab.shell(
                "truncate -s 32M /mnt/data/inner && mkfs.ext4 -q /mnt/data/inner && mkdir -p /mnt/inner && " +
                    "mount -o loop /mnt/data/inner /mnt/inner",
            ),
        );
        after(() => lab.shell("umount /mnt/inner; rm -f /mnt/data/inner"));
        for (const shell of ["dash", "busybox sh"]) {
            it(`is frozen before the other, in whatever order they are named, under ${shell}`, async () => {
                await lab.ready(fileSystems(["/mnt/data", "/mnt/inner", "/mnt/log"]));
                await lab.shell("echo >/mnt/inner/dirty");
                expect(await lab.run("freeze", { shell })).to.deep.equal({ exitCode: 0, output: "" });
                expect(await isFrozen()).to.deep.equal([true, true]);
                expect(await lab.isFrozen("/mnt/inner")).to.be.true;
                expect(await lab.run("check", { shell })).to.deep.equal({ exitCode: 0, output: "" });
                expect(await lab.run("thaw", { shell })).to.deep.equal({ exitCode: 0, output: "" });
                expect(await lab.isFrozen("/mnt/inner")).to.be.false;
                await expectAwake();
            });
        }
    });

    it("is mounted by an automounter when it is asked for", async () => {
        await lab.shell(
            "mkdir -p /mnt/automatic && truncate -s 32M /run/automatic && mkfs.ext4 -q /run/automatic",
        );
        // Waits for the mount to be asked for, so that the shell command ends.
        lab.host.writeScript("/run/automount", AUTOMOUNT);
        await lab.shell("python3 /run/automount /mnt/automatic /run/automatic >/dev/null 2>&1 & " + MOUNTED);
        try {
            await lab.ready(fileSystems(["/mnt/automatic"]));
            expect(await lab.run("freeze")).to.deep.equal({ exitCode: 0, output: "" });
            expect(await lab.isFrozen("/mnt/automatic")).to.be.true;
            expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
        } finally {
            await lab.shell("umount /mnt/automatic; umount /mnt/automatic; true");
        }
    });

    describe("refuses the root file system, before it freezes anything:", () => {
        before(() =>
            lab.shell(
                "mkdir -p /mnt/bound-root /mnt/bound-folder && mount --bind / /mnt/bound-root && " +
                    "mount --bind /etc /mnt/bound-folder && ln -sfn / /mnt/link-root && ln -sfn /etc /mnt/link-folder",
            ),
        );
        for (const path of [
            "/",
            "/etc",
            "/mnt/bound-root",
            "/mnt/bound-folder",
            "/mnt/link-root",
            "/mnt/link-folder",
        ]) {
            it(path, async () => {
                await lab.ready(fileSystems(["/mnt/data", path]));
                const { exitCode, output } = await lab.run("freeze");
                expect(exitCode).to.equal(1);
                expect(output).to.include("never frozen");
                await expectAwake();
            });
        }
    });

    it("refuses what is not there, and what cannot be frozen", async () => {
        for (const path of ["/mnt/nowhere", "/run"]) {
            await lab.ready(fileSystems(["/mnt/data", path]));
            expect((await lab.run("freeze")).exitCode, path).to.equal(1);
            await expectAwake();
        }
    });

    it("undoes half a freeze when it is killed, by freezeFail", async () => {
        await lab.ready(both);
        // As a killed hook leaves it: noted, and frozen or not.
        await lab.shell(
            "fsfreeze -f /mnt/data; state=/run/app-consistent-snapshot-recipe; mkdir -p -m 700 $state/1 && " +
                'printf "%s\\n" "$(stat -c %Hd:%Ld /mnt/data) /mnt/data" "$(stat -c %Hd:%Ld /mnt/log) /mnt/log" >$state/1/list',
        );
        expect((await lab.run("freezeFail")).exitCode).to.equal(0);
        await expectAwake();
    });

    it("thaws, and says so, also when /run is full", async () => {
        await lab.ready(both);
        expect((await lab.run("freeze")).exitCode).to.equal(0);
        await lab.shell("mount -o remount,size=8m /run; cat /dev/zero >/run/filler 2>/dev/null; true");
        try {
            expect((await lab.run("thaw")).exitCode).to.equal(0);
            await expectAwake();
        } finally {
            await lab.shell("rm /run/filler; mount -o remount,size=50% /run");
        }
    });

    it("is held for whom it was frozen, and frozen for nobody else meanwhile; everybody may thaw", async () => {
        await lab.ready(both);
        expect((await lab.run("freeze", { execution: "acs-1" })).exitCode).to.equal(0);
        for (const execution of ["acs-2", ""]) {
            const { exitCode, output } = await lab.run("freeze", { execution });
            expect({ exitCode, output }).to.deep.equal({
                exitCode: 1,
                output: "it is frozen already, for: acs-1\n",
            });
            expect((await lab.run("check", { execution })).exitCode).to.equal(1);
        }
        // What a guard does when its freeze was refused.
        expect((await lab.run("freezeFail", { execution: "acs-2" })).exitCode).to.equal(205);
        expect(await isFrozen()).to.deep.equal([true, true]);
        expect((await lab.run("check", { execution: "acs-1" })).exitCode).to.equal(0);
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        expect((await lab.run("check", { execution: "acs-1" })).exitCode).to.equal(1);
        await expectAwake();
    });

    it("is thawed by no other recipe, which would not know what to do, but forgets nothing", async () => {
        await lab.ready(both);
        const recipe = combine(redis(), fileSystems(["/mnt/data"]));
        expect((await lab.run("freeze")).exitCode).to.equal(0);
        for (const execution of ["acs-2", ""]) {
            expect((await lab.run("freeze", { execution, recipe })).exitCode).to.equal(1);
            expect((await lab.run("freezeFail", { execution, recipe })).exitCode).to.equal(205);
        }
        const { exitCode, output } = await lab.run("thaw", { recipe });
        expect(exitCode).to.equal(1);
        expect(output).to.include("by another recipe, for: by hand");
        expect(await isFrozen()).to.deep.equal([true, true]);
        expect((await lab.run("check")).exitCode).to.equal(0);
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        await expectAwake();
    });

    for (const shell of ["dash", "bash", "busybox sh"]) {
        it(`is frozen by one of many who begin at once, under ${shell}`, async () => {
            await lab.ready(both);
            const executions = Array.from({ length: 8 }, (_, index) => `acs-${index}`);
            const runs = await Promise.all(
                executions.map((execution) => lab.run("freeze", { execution, shell })),
            );
            const winners = executions.filter((_, index) => runs[index]?.exitCode === 0);
            expect(winners, JSON.stringify(runs)).to.have.lengthOf(1);
            for (const execution of executions.filter((one) => one !== winners[0])) {
                expect((await lab.run("freezeFail", { execution, shell })).exitCode).to.equal(205);
            }
            expect(await isFrozen()).to.deep.equal([true, true]);
            expect(await lab.run("check", { execution: winners[0] ?? "", shell })).to.deep.equal({
                exitCode: 0,
                output: "",
            });
            expect((await lab.run("thaw", { execution: winners[0] ?? "", shell })).exitCode).to.equal(0);
            await expectAwake();
        });
    }

    it("leaves nothing when whoever would thaw in the end was killed, and is not said to be held then", async () => {
        await lab.ready(both);
        expect((await lab.run("freeze")).exitCode).to.equal(0);
        await lab.shell("read -r pid _ </run/app-consistent-snapshot-recipe/1/later; kill -KILL $pid");
        const { exitCode, output } = await lab.run("check");
        expect({ exitCode, output }).to.deep.equal({ exitCode: 1, output: "the hold has ended\n" });
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        await expectAwake();
    });

    describe("on a device that is set not to count what is written to it", () => {
        const refusal =
            /^\/mnt\/log is on a device that does not count .*: (\S+) is 0\. Switch it on: echo 1 >\1\n$/;

        /** In the machine's /sys: the host's own may not be written to. */
        async function uncounted(test: () => Promise<void>): Promise<void> {
            const device = (await lab.shell(`readlink -f /sys/dev/block/${LOG_DEVICE}`)).trim();
            writeFileSync(`${device}/queue/iostats`, "0");
            try {
                await test();
            } finally {
                writeFileSync(`${device}/queue/iostats`, "1");
            }
        }

        /** Another kind of device, of which this machine has none: as it looks in /sys. */
        async function madeSys(lines: readonly string[], test: () => Promise<void>): Promise<void> {
            const device = (name: string) => `$(readlink -f /sys/dev/block/${name})`;
            await lab.shell(
                [
                    "made=/run/made-sys && mkdir -p $made",
                    ...lines,
                    `ln -s ${device(LOG_DEVICE)}/stat $made/${LOG_DEVICE}/stat`,
                    `ln -s ${device(DATA_DEVICE)} $made/${DATA_DEVICE}`,
                    "mount --bind $made /sys/dev/block",
                ].join(" && "),
            );
            try {
                await test();
            } finally {
                await lab.shell("umount /sys/dev/block && rm -r /run/made-sys");
            }
        }

        /** What sets LVM apart: `dm`. */
        const asDeviceMapper = (test: () => Promise<void>) =>
            madeSys(
                [
                    `mkdir -p $made/${LOG_DEVICE}/dm $made/${LOG_DEVICE}/queue`,
                    `echo 0 >$made/${LOG_DEVICE}/queue/iostats`,
                ],
                test,
            );

        /** A partition lies in the folder of its disk, which has the setting. */
        const asPartition = (setting: 0 | 1, test: () => Promise<void>) =>
            madeSys(
                [
                    "mkdir -p $made/disk/queue $made/disk/part",
                    `echo ${setting} >$made/disk/queue/iostats`,
                    `ln -s disk/part $made/${LOG_DEVICE}`,
                ],
                test,
            );

        it("freezes nothing, and names the command that mends it", async () => {
            await lab.ready(both);
            await uncounted(async () => {
                const { exitCode, output } = await lab.run("freeze");
                expect(exitCode).to.equal(1);
                expect(output).to.match(refusal);
                await expectAwake();
            });
        });

        it("holds device mapper that counts all the same, as LVM on kernel 6.1", async () => {
            await lab.ready(both);
            await asDeviceMapper(async () => {
                for (const verb of ["freeze", "check"]) {
                    expect(await lab.run(verb), verb).to.deep.equal({ exitCode: 0, output: "" });
                }
                await lab.shell("fsfreeze -u /mnt/log && echo >/mnt/log/written && sync -f /mnt/log");
                expect(await lab.run("check")).to.deep.equal({
                    exitCode: 1,
                    output: "a frozen file system was written to\n",
                });
                expect((await lab.run("thaw")).exitCode).to.equal(0);
            });
            await expectAwake();
        });

        it("holds a partition of a disk that counts, and refuses one of a disk that does not", async () => {
            await lab.ready(both);
            await asPartition(1, async () => {
                for (const verb of ["freeze", "check", "thaw"]) {
                    expect((await lab.run(verb)).exitCode, verb).to.equal(0);
                }
            });
            await asPartition(0, async () => {
                const { exitCode, output } = await lab.run("freeze");
                expect(exitCode).to.equal(1);
                expect(output).to.match(refusal);
            });
            await expectAwake();
        });

        it("undoes the freeze of device mapper that does not count", async () => {
            await lab.ready(both);
            await asDeviceMapper(() =>
                uncounted(async () => {
                    const { exitCode, output } = await lab.run("freeze");
                    expect(exitCode).to.equal(1);
                    expect(output).to.match(refusal);
                }),
            );
            await expectAwake();
        });
    });

    it("keeps what it remembers to itself, whatever umask it is run with", async () => {
        await lab.ready(both);
        await lab.shell("umask 022; env -i sh /run/recipe freeze </dev/null");
        expect(await lab.shell("find /run/app-consistent-snapshot-recipe -perm /077 | wc -l")).to.equal(
            "0\n",
        );
        expect((await lab.run("thaw")).exitCode).to.equal(0);
    });

    /** Until the test ends, `text` is run before each fsfreeze; `$did` is what it does, as `--freeze /mnt/log`. */
    async function withFsfreeze(text: string, test: () => Promise<void>): Promise<void> {
        await lab.ready(both);
        await lab.shell("mv /run/fsfreeze /run/fsfreeze.real");
        lab.host.writeScript(
            "/run/fsfreeze",
            `#!/bin/sh\ndid="$1 $(readlink "$2")"\n${text}\nexec /run/fsfreeze.real "$@"\n`,
        );
        try {
            await test();
            await expectAwake();
        } finally {
            await lab.shell("touch /run/go; mv /run/fsfreeze.real /run/fsfreeze; rm -f /run/go /run/waits");
        }
    }
    const waitForGo = ": >/run/waits; while [ ! -e /run/go ]; do sleep 0.1; done";
    /** Until a freeze waits. */
    const freezeBeside =
        "setsid env -i sh /run/recipe freeze </dev/null >/dev/null 2>&1 & while [ ! -e /run/waits ]; do sleep 0.1; done";

    it("waits for a freeze that outlives whoever began it, and thaws then", async () => {
        await withFsfreeze(`case $1 in --freeze) ${waitForGo} ;; esac`, async () => {
            await lab.shell(`${freezeBeside}; ${KILL_FREEZER}`);
            const thawing = lab.run("thaw");
            await lab.shell("sleep 1; touch /run/go");
            expect((await thawing).exitCode).to.equal(0);
        });
    });

    it("thaws what froze while something else was being thawed, and ended", async () => {
        // The log's freeze succeeds when the log had been found thawed, while the data are thawed.
        const fake =
            `case $did in "--freeze /mnt/log") ${waitForGo} ;; ` +
            `"--unfreeze /mnt/data") sleep 0.5; touch /run/go; sleep 1 ;; esac`;
        await withFsfreeze(fake, async () => {
            await lab.shell(`${freezeBeside}; ${KILL_FREEZER}`);
            expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
        });
    });

    it("thaws the others when one cannot be thawed, says so, and thaws that when it can", async () => {
        await withFsfreeze(`case $did in "--unfreeze /mnt/log") ${waitForGo} ;; esac`, async () => {
            expect((await lab.run("freeze")).exitCode).to.equal(0);
            const { exitCode, output } = await lab.run("thaw");
            expect(exitCode).to.equal(1);
            expect(output).to.equal("not all file systems are thawed: \n");
            expect(await isFrozen()).to.deep.equal([false, true]);
            await lab.shell("touch /run/go");
            expect((await lab.run("thaw")).exitCode).to.be.oneOf([0, 205]);
        });
    });

    it("by hand, ends a freeze that is under way, which undoes what it has done", async () => {
        await withFsfreeze(`case $did in "--freeze /mnt/log") ${waitForGo} ;; esac`, async () => {
            await lab.shell(freezeBeside);
            const thawing = lab.run("thaw");
            await lab.shell("sleep 1; touch /run/go");
            expect((await thawing).exitCode).to.equal(0);
        });
    });

    it("ends no process that has the number of one that is gone", async () => {
        await lab.ready(both);
        expect((await lab.run("freeze")).exitCode).to.equal(0);
        const later = "/run/app-consistent-snapshot-recipe/1/later";
        const pid = (
            await lab.shell(`sleep 60 >/dev/null 2>&1 & echo $!; printf '%s 1\\n' "$!" >${later}`)
        ).trim();
        expect((await lab.run("thaw")).exitCode).to.equal(0);
        expect(await lab.shell(`kill -0 ${pid} && kill ${pid} && echo alive`)).to.equal("alive\n");
    });

    describe("whose mount has changed while it is held,", () => {
        const mountPoints = ["/mnt/data", "/mnt/log"];
        const each = (command: string) =>
            lab.shell(
                `for m in ${mountPoints.join(" ")}; do read -r d </run/device-$\{m##*/}; ${command} || exit; done`,
            );
        /** What `fsfreeze -u` reaches by no path, once the recipe's own way is cut. */
        const killOpeners = "pkill -KILL -f '^sleep 360$'";
        before(() =>
            // A loop device ends with its mount, where nobody has it open.
            each(
                `findmnt -n -o SOURCE $m >/run/device-$\{m##*/} && read -r d </run/device-$\{m##*/} && { sleep 1000 <$d >/dev/null 2>&1 & }`,
            ),
        );
        afterEach(() =>
            each("{ findmnt $m >/dev/null || mount $d $m; }; fsfreeze -u $m 2>/dev/null || true"),
        );

        const changes: [name: string, change: string, undo: string, prevented: boolean][] = [
            ["is unmounted", "umount $m", "mount $d $m", true],
            ["is unmounted lazily", "umount -l $m", "mount $d $m", false],
            ["is mounted over", "mount -t tmpfs over $m", "umount $m", false],
            ["is moved", "mkdir -p $m-moved && mount --move $m $m-moved", "mount --move $m-moved $m", false],
            [
                "is mounted in another namespace only",
                "{ unshare --mount --propagation private sleep 999 >/dev/null 2>&1 & } && " +
                    'until nsenter --target $! --mount true && [ "$(readlink /proc/$!/ns/mnt)" != ' +
                    '"$(readlink /proc/self/ns/mnt)" ]; do sleep 0.02; done && umount $m',
                "{ pkill -f '^sleep 999$'; mount $d $m; }",
                true,
            ],
        ];
        for (const [name, change, undo, prevented] of changes) {
            for (const opener of prevented ? ["gone"] : ["there", "gone"]) {
                it(`and ${name}, is thawed and not said to be held (what keeps it open is ${opener})`, async () => {
                    await lab.ready(both);
                    expect(await lab.run("freeze")).to.deep.equal({ exitCode: 0, output: "" });
                    if (opener === "gone") {
                        await lab.shell(killOpeners);
                    }
                    await each(change);
                    const { exitCode, output } = await lab.run("check");
                    expect({ exitCode, output }).to.deep.equal({
                        exitCode: 1,
                        output: "/mnt/data is not the file system any more that was frozen there\n",
                    });
                    expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
                    await each(undo);
                    await expectAwake();
                });
            }
        }

        it("cannot be unmounted, and can when it is thawed", async () => {
            await lab.ready(both);
            expect((await lab.run("freeze")).exitCode).to.equal(0);
            expect(await each("! umount $m 2>&1")).to.match(/busy[^]*busy/);
            expect((await lab.run("check")).exitCode).to.equal(0);
            expect((await lab.run("thaw")).exitCode).to.equal(0);
            await each("until umount $m 2>/dev/null; do sleep 0.1; done; mount $d $m");
            await expectAwake();
        });

        it("and that somebody else has thawed and unmounted, is thawed already", async () => {
            await lab.ready(both);
            expect((await lab.run("freeze")).exitCode).to.equal(0);
            await lab.shell(killOpeners);
            await each("fsfreeze -u $m && umount $m");
            expect(await lab.run("thaw")).to.deep.equal({ exitCode: 205, output: "" });
            await each("mount $d $m");
            await expectAwake();
        });

        it("is not taken for what lies under it when it is unmounted before the freeze", async () => {
            await lab.ready(both);
            // The last one that is written out before anything is frozen.
            lab.host.writeScript(
                "/usr/sbin/sync",
                '#!/bin/sh\n/usr/bin/sync "$@"\n[ "$2" != /mnt/log ] || umount /mnt/log\n',
            );
            try {
                expect(await lab.run("freeze")).to.deep.equal({
                    exitCode: 1,
                    output: "/mnt/log is no longer on the file system that it was on\n",
                });
            } finally {
                await lab.shell("rm /usr/sbin/sync");
            }
            await each("{ findmnt $m >/dev/null || mount $d $m; }");
            await expectAwake();
        });
    });

    it("knows no other word", async () => {
        await lab.ready(both);
        expect((await lab.run("prepare")).exitCode).to.equal(2);
        await expectAwake();
    });
});
