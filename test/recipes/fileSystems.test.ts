// Freezes: recipes hold real file systems.
import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { combine, fileSystems, redis } from "../../recipes";
import { RecipeHost } from "../support/recipeHost";
import { needsRoot } from "../support/sshHost";

/** Whoever freezes; not who thaws in three minutes. */
const KILL_FREEZER =
    "for pid in $(pgrep -f '^sh /run/recipe'); do pgrep -P $pid -x sleep >/dev/null || kill -KILL $pid; done";

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

    it("refuses a device that does not count what is written to it", async () => {
        await lab.ready(both);
        const setting = (
            await lab.shell("readlink -f /sys/dev/block/$(stat -c %Hd:%Ld /mnt/log)/queue/iostats")
        ).trim();
        // The host's own /sys may not be written to.
        writeFileSync(setting, "0");
        try {
            const { exitCode, output } = await lab.run("freeze");
            expect(exitCode).to.equal(1);
            expect(output).to.match(
                /^\/mnt\/log is on a device that does not count what is written to it: \S+ is 0\n$/,
            );
            await expectAwake();
        } finally {
            writeFileSync(setting, "1");
        }
    });

    /** Until the test ends, `text` is run before each fsfreeze. */
    async function withFsfreeze(text: string, test: () => Promise<void>): Promise<void> {
        await lab.ready(both);
        await lab.shell("mv /run/fsfreeze /run/fsfreeze.real");
        lab.host.writeScript("/run/fsfreeze", `#!/bin/sh\n${text}\nexec /run/fsfreeze.real "$@"\n`);
        try {
            await test();
            await expectAwake();
        } finally {
            await lab.shell("touch /run/go; mv /run/fsfreeze.real /run/fsfreeze; rm -f /run/go");
        }
    }
    const waitForGo = "while [ ! -e /run/go ]; do sleep 0.1; done";
    const freezeBeside = (marks: string) =>
        `setsid env -i sh /run/recipe freeze </dev/null >/dev/null 2>&1 & until pgrep -f '${marks}' >/dev/null; do sleep 0.1; done`;

    it("waits for a freeze that outlives whoever began it, and thaws then", async () => {
        await withFsfreeze(`case $1 in --freeze) ${waitForGo} ;; esac`, async () => {
            await lab.shell(`${freezeBeside("[f]sfreeze --freeze")}; ${KILL_FREEZER}`);
            const thawing = lab.run("thaw");
            await lab.shell("sleep 1; touch /run/go");
            expect((await thawing).exitCode).to.equal(0);
        });
    });

    it("thaws what froze while something else was being thawed, and ended", async () => {
        // The log's freeze succeeds when the log had been found thawed, while the data are thawed.
        const fake =
            `case $* in "--freeze /mnt/log") ${waitForGo} ;; ` +
            `"--unfreeze /mnt/data") sleep 0.5; touch /run/go; sleep 1 ;; esac`;
        await withFsfreeze(fake, async () => {
            await lab.shell(`${freezeBeside("[f]sfreeze --freeze /mnt/log")}; ${KILL_FREEZER}`);
            expect((await lab.run("thaw")).exitCode).to.equal(0);
        });
    });

    it("thaws the others when one cannot be thawed, says so, and thaws that when it can", async () => {
        await withFsfreeze(`case $* in "--unfreeze /mnt/log") ${waitForGo} ;; esac`, async () => {
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
        await withFsfreeze(`case $* in "--freeze /mnt/log") ${waitForGo} ;; esac`, async () => {
            await lab.shell(freezeBeside("[f]sfreeze --freeze /mnt/log"));
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

    it("knows no other word", async () => {
        await lab.ready(both);
        expect((await lab.run("prepare")).exitCode).to.equal(2);
        await expectAwake();
    });
});
