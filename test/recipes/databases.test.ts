// Freezes: recipes hold real file systems under real databases.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type RecipeScripts, combine, fileSystems, mysql, postgresql, redis } from "../../recipes";
import { DATA_AND_LOG, type Application } from "../../tools/prove/application";
import { mariadb } from "../../tools/prove/mariadb";
import { postgresql as runningPostgresql } from "../../tools/prove/postgresql";
import { redisWithLog } from "../../tools/prove/redis";
import { Writers } from "../../tools/prove/writer";
import { RecipeHost } from "../../lab/hosts/recipeHost";
import { needsRoot } from "../../lab/hosts/sshHost";

const ALL = fileSystems(["/mnt/data", "/mnt/log"]);
const MYSQL = { socket: "/run/mysql/socket" };
const PSQL = "psql -X -q -A -t -U postgres -d postgres";
const SQL = `mariadb --no-defaults --skip-column-names -S ${MYSQL.socket}`;
/** The client of a session that the server has ended: it does not notice, and waits for its input. */
const END_BESIDE = "pkill -f '^sleep 60$'; wait";
const REDIS = { socket: "/run/redis/socket" };

describe("recipes for databases", function () {
    this.timeout(240_000);
    let lab: RecipeHost;
    let writers: Writers;
    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start(DATA_AND_LOG);
    });
    after(() => (lab as RecipeHost | undefined)?.stop());

    const acknowledged = () =>
        writers.logs.reduce((sum, { acknowledgedAt }) => sum + acknowledgedAt.length, 0);

    async function expectWritersGoOn(): Promise<void> {
        await writers.progress(20);
        expect(await lab.left()).to.deep.equal([]);
    }

    async function expectRefused(recipe: RecipeScripts, message: RegExp): Promise<void> {
        await lab.ready(combine(recipe, ALL));
        const { exitCode, output } = await lab.run("freeze");
        expect(exitCode).to.equal(1);
        expect(output).to.match(message);
        expect(await lab.left()).to.deep.equal([]);
        for (const verb of ["freezeFail", "thaw"]) {
            expect((await lab.run(verb)).exitCode, verb).to.equal(205);
        }
        await expectWritersGoOn();
    }

    /** @param breakHold shell command that ends what the recipe holds, or lets somebody write all the same */
    function testHold(application: Application, recipe: RecipeScripts, breakHold: string): void {
        before(async () => {
            await application.start(lab.host);
            writers = Writers.start(lab.host, application);
            // Their clients are there, and told from what a recipe starts.
            await writers.progress(1);
        });
        beforeEach(async () => {
            await lab.ready(recipe);
            await writers.progress(20);
        });
        afterEach(() => lab.run("thaw"));
        after(() => writers.stop());

        it("stands still while it is held, and goes on", async () => {
            expect(await lab.run("freeze")).to.deep.equal({ exitCode: 0, output: "" });
            // What was on its way may still be acknowledged.
            await sleep(300);
            const before = acknowledged();
            await sleep(500);
            expect(acknowledged()).to.equal(before);
            expect(await lab.run("check")).to.deep.equal({ exitCode: 0, output: "" });
            expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
            await expectWritersGoOn();
        });

        it("is not said to be held when it is not", async () => {
            expect((await lab.run("freeze")).exitCode).to.equal(0);
            await lab.shell(breakHold);
            await writers.progress(5);
            expect((await lab.run("check")).exitCode).to.equal(1);
            await lab.run("thaw");
            await expectWritersGoOn();
        });
    }

    describe("PostgreSQL", () => {
        testHold(
            runningPostgresql,
            combine(postgresql(), ALL),
            "fsfreeze -u /mnt/log && fsfreeze -u /mnt/data",
        );

        it("is held whatever limits of time the server has for sessions and statements", async () => {
            const limits = ["idle_session_timeout", "statement_timeout", "lock_timeout"];
            const setLimits = (clause: (limit: string) => string) =>
                lab.shell(
                    limits.map((one) => `${PSQL} -c "alter role postgres ${clause(one)}"`).join(" && "),
                );
            const activity = (condition: string) =>
                `[ "$(${PSQL} -c "select 1 from pg_stat_activity where ${condition}")" = 1 ]`;
            await lab.ready(combine(postgresql(), ALL));
            // For sessions that begin from now on: not for the writers.
            await setLimits((limit) => `set ${limit} = '1s'`);
            try {
                // A checkpoint that takes its time.
                await lab.shell("pkill -STOP -f '^postgres: checkpointer'");
                const frozen = lab.run("freeze");
                await lab.shell(
                    `until ${activity("query like '%checkpoint;%' and state = 'active' and pid <> pg_backend_pid()")}; do sleep 0.1; done`,
                );
                const cancelled = await lab.shell(`${PSQL} -c 'select pg_sleep(60)' 2>&1 || true`);
                expect(cancelled).to.include("due to statement timeout");
                await lab.shell("pkill -CONT -f '^postgres: checkpointer'");
                expect(await frozen).to.deep.equal({ exitCode: 0, output: "" });
                const beside = activity("application_name = 'beside'");
                await lab.shell(
                    `{ { sleep 60 | PGAPPNAME=beside ${PSQL}; } >/dev/null 2>&1 & } && ` +
                        `until ${beside}; do sleep 0.1; done; while ${beside}; do sleep 0.1; done; ${END_BESIDE}`,
                );
                expect(await lab.run("check")).to.deep.equal({ exitCode: 0, output: "" });
                expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
                await expectWritersGoOn();
            } finally {
                await lab.shell("pkill -CONT -f '^postgres: checkpointer'");
                await lab.run("thaw");
                await setLimits((limit) => `reset ${limit}`);
            }
        });

        it("leaves nothing where its role may not make a checkpoint", async () => {
            await lab.shell(`${PSQL} -c 'create role nobody login'`);
            await expectRefused(
                postgresql({ role: "nobody" }),
                /must be superuser or have privileges of pg_checkpoint/,
            );
        });

        it("earns nothing without its file systems", async () => {
            await lab.ready(postgresql());
            // It may succeed between two commits, but what it says then is not so for long.
            await lab.run("freeze", { preFreezeSeconds: 4 });
            await writers.progress(20);
            expect((await lab.run("check")).exitCode).to.equal(1);
            await lab.run("thaw");
            await expectWritersGoOn();
        });
    });

    describe("MariaDB", () => {
        const sessions =
            "select id from information_schema.processlist where command = 'Sleep' and id <> connection_id()";
        testHold(
            mariadb,
            mysql(MYSQL),
            `for id in $(${SQL} -e "${sessions}"); do ${SQL} -e "kill $id"; done`,
        );

        it("is held whatever limits of time the server has for sessions and statements", async () => {
            await lab.ready(combine(mysql(MYSQL), ALL));
            await lab.shell(
                `${SQL} -e 'set global wait_timeout = 1, global interactive_timeout = 1, global max_statement_time = 1'`,
            );
            try {
                const long = lab.shell(
                    `${SQL} -e 'set max_statement_time = 0; lock tables proof.numbers write; select sleep(4)'`,
                );
                await lab.shell(
                    `until ${SQL} -e 'show processlist' | grep -q 'select sleep'; do sleep 0.1; done`,
                );
                expect(await lab.run("freeze")).to.deep.equal({ exitCode: 0, output: "" });
                await long;
                const idle = (count: number) =>
                    `[ "$(${SQL} -e "select count(*) from information_schema.processlist where command = 'Sleep'")" = ${count} ]`;
                // The server ends a session beside this one, which is idle for as long.
                await lab.shell(
                    `{ { sleep 60 | ${SQL}; } >/dev/null 2>&1 & } && ` +
                        `until ${idle(2)}; do sleep 0.1; done; until ${idle(1)}; do sleep 0.1; done; ${END_BESIDE}`,
                );
                expect(await lab.run("check")).to.deep.equal({ exitCode: 0, output: "" });
                expect(await lab.run("thaw")).to.deep.equal({ exitCode: 0, output: "" });
                await expectWritersGoOn();
            } finally {
                await lab.run("thaw");
                await lab.shell(
                    `${SQL} -e 'set global wait_timeout = default, global interactive_timeout = default, global max_statement_time = default'`,
                );
            }
        });

        it("leaves nothing where its user may not lock the tables", async () => {
            await lab.shell(`${SQL} -e 'create user reader@localhost'`);
            await expectRefused(mysql({ ...MYSQL, user: "reader" }), /Access denied; you need .*RELOAD/);
            await expectRefused(mysql({ ...MYSQL, user: "stranger" }), /Access denied for user/);
        });

        const runs = (statement: string) =>
            lab.shell(`until ${SQL} -e 'show processlist' | grep -q '${statement}'; do sleep 0.1; done`);

        it("is made to wait behind a long statement no longer than the recipe's limit, and names the statement", async () => {
            await lab.ready(combine(mysql(MYSQL), ALL));
            const long = lab.shell(
                `${SQL} -e 'lock tables proof.numbers write; select sleep(15), "a secret" as text'`,
            );
            await runs("select sleep");
            const { exitCode, output } = await lab.run("freeze", { preFreezeSeconds: 4 });
            expect(exitCode).to.equal(1);
            expect(output).to.match(/Lock wait timeout|not within 3 s/);
            expect(output).to.match(
                /the lock waits for session \d+ of root, which for \d+ s has run: select sleep\(15\), "\.\.\." as text/,
            );
            expect(await lab.isFrozen("/mnt/data")).to.be.false;
            await long;
            await expectWritersGoOn();
        });

        it("that has waited so long that no time is left names the statement, not the file system", async () => {
            await lab.ready(combine(mysql(MYSQL), ALL));
            // Of a limit of 12 s, with room for a machine that is busy.
            const slow = '#!/bin/sh\n[ ! -e /run/slow ] || sleep 12\nexec /usr/bin/sync "$@"\n';
            lab.host.writeScript("/usr/sbin/sync", slow);
            const long = lab.shell(
                `${SQL} -e 'lock tables proof.numbers write; select sleep(60)' 2>/dev/null || true`,
            );
            await runs("select sleep");
            const frozen = lab.run("freeze", { preFreezeSeconds: 18 });
            // It has written out what was dirty, waits for the lock, and has found out behind what.
            await lab.shell(
                "until [ -s /run/app-consistent-snapshot-recipe/1/behind ]; do sleep 0.1; done; : >/run/slow; " +
                    `${SQL} -e "kill $(${SQL} -e 'show processlist' | grep 'select sleep' | cut -f 1)"`,
            );
            const { exitCode, output } = await frozen;
            await lab.shell("rm /run/slow /usr/sbin/sync");
            expect(exitCode).to.equal(1);
            expect(output).to.match(
                /not within 12 s\. Of these, mysql took \d+ s \(the lock waits for session .*: select sleep\(60\)\)/,
            );
            await long;
            await expectWritersGoOn();
        });

        it("does not go on to wait for the lock, and all writers behind it, when the freeze was given up", async () => {
            await lab.ready(combine(mysql(MYSQL), ALL));
            const long = lab.shell(`${SQL} -e 'lock tables proof.numbers write; select sleep(8)'`);
            const waits = `until ${SQL} -e 'show processlist' | grep -q 'Waiting for .*lock'; do sleep 0.1; done`;
            const frozen = lab.run("freeze");
            // Those of now, and none that thaws.
            await lab.shell(`${waits}; pids=$(pgrep -f '^sh /run/recipe'); kill -TERM $pids || true`);
            await frozen;
            expect(await lab.shell(`${SQL} -e 'show processlist' | grep -c -i flush || true`)).to.equal(
                "0\n",
            );
            await long;
            await expectWritersGoOn();
        });
    });

    describe("Redis", () => {
        testHold(redisWithLog, redis(REDIS), `redis-cli -s ${REDIS.socket} client unpause`);
    });

    for (const recipe of [
        postgresql({ port: 1 }),
        mysql({ socket: "/run/nobody" }),
        redis({ socket: "/run/nobody" }),
    ]) {
        it(`${recipe.recipe} that is not there is a failure, and leaves nothing`, async () => {
            await lab.ready(combine(recipe, ALL));
            const { exitCode, output } = await lab.run("freeze");
            expect(exitCode).to.equal(1);
            expect(output).not.to.equal("");
            expect(await lab.left()).to.deep.equal([]);
            expect((await lab.run("freezeFail")).exitCode).to.equal(205);
        });
    }
});
