import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { verify } from "../../recipes";
import type { RecipeRun } from "../../lab/hosts/recipeHost";
import { RecipeHost } from "../../lab/hosts/recipeHost";
import { needsRoot } from "../../lab/hosts/sshHost";
import { DATA_AND_LOG } from "../../tools/prove/application";
import { postgresql as runningPostgresql, restart } from "../../tools/prove/postgresql";

const SCRIPT = "/run/verify";
const PSQL = "psql -X -q -A -t -U postgres -d postgres";
/** Limits of what is never up. */
const SOON = { startSeconds: 1 };

describe("the recipes' scripts for restore tests", function () {
    this.timeout(180_000);

    it("have nothing that shellcheck warns of in a POSIX sh", function () {
        for (const { script } of [verify.postgresql()]) {
            const { error, stdout } = spawnSync("shellcheck", ["-s", "sh", "-"], {
                input: script,
                encoding: "utf8",
            });
            if (error !== undefined) {
                this.skip();
            }
            expect(stdout).to.equal("");
        }
    });

    it("are patient for a whole number of seconds", () => {
        for (const startSeconds of [0, -1, 1.5, Number.NaN]) {
            expect(() => verify.postgresql({ startSeconds })).to.throw(TypeError, /whole number of seconds/);
        }
    });

    describe("with real servers", () => {
        let lab: RecipeHost;
        before(async function () {
            needsRoot(this);
            lab = await RecipeHost.start(DATA_AND_LOG);
        });
        after(() => (lab as RecipeHost | undefined)?.stop());

        /** As a restore test runs it, which gives no more of an environment than this. */
        async function run({ script }: { script: string }, shell = "sh"): Promise<RecipeRun> {
            lab.host.writeScript(SCRIPT, script);
            const output = await lab.shell(
                `env -i ACS_INSTANCE_ID=i-1 ${shell} ${SCRIPT} verify </dev/null 2>&1; echo "exit $?"`,
            );
            const [, said = "", code = ""] = /^([\s\S]*)exit (\d+)\n$/.exec(output) ?? [];
            expect(await lab.shell("ls -d /run/app-consistent-snapshot-verify* 2>/dev/null; true")).to.equal(
                "",
            );
            return { exitCode: Number(code), output: said };
        }

        async function expectFailure(script: { script: string }, message: RegExp): Promise<void> {
            const { exitCode, output } = await run(script);
            expect(output).to.match(message);
            expect(exitCode).to.equal(1);
        }

        describe("PostgreSQL", () => {
            const good = (reader: string) =>
                new RegExp(
                    `^PostgreSQL answered after \\d+ s\nread whole by ${reader} in \\d+ s\n` +
                        "databases: 2\nbytes: \\d+\nchecksums of pages: on\n$",
                );
            const WITHOUT_AMCHECK =
                "mount --bind /dev/null $(ls /usr/lib/postgresql/*/bin/pg_amcheck | tail -n 1)";
            const WITH_AMCHECK = "umount $(ls /usr/lib/postgresql/*/bin/pg_amcheck | tail -n 1)";
            let file: string;
            before(async () => {
                await runningPostgresql.start(lab.host);
                await lab.shell(
                    `${PSQL} -c 'insert into numbers select 1, n from generate_series(1, 1000) n' -c checkpoint`,
                );
                const path = await lab.shell(`${PSQL} -c "select pg_relation_filepath('numbers')"`);
                file = `/mnt/data/postgresql/${path.trim()}`;
            });

            for (const shell of ["dash", "busybox sh"]) {
                it(`that is whole passes, with its figures, under ${shell}`, async () => {
                    const { exitCode, output } = await run(verify.postgresql(), shell);
                    expect(output).to.match(good("pg_amcheck"));
                    expect(exitCode).to.equal(0);
                });
            }

            /** Verified by both readers after a restart, as nothing of the table is in memory then. */
            async function expectDamage(damage: string, mend: string, message: RegExp): Promise<void> {
                await lab.shell(damage);
                await restart(lab.host);
                try {
                    await expectFailure(verify.postgresql(), message);
                    await lab.shell(WITHOUT_AMCHECK);
                    await expectFailure(verify.postgresql(), message).finally(() => lab.shell(WITH_AMCHECK));
                } finally {
                    await lab.shell(mend);
                    await restart(lab.host);
                }
            }

            it("whose page does not fit its checksum fails", () =>
                expectDamage(
                    `cp -p ${file} ${file}.kept && printf damaged | dd of=${file} bs=1 seek=8000 conv=notrunc status=none`,
                    `mv ${file}.kept ${file}`,
                    /verify: pg_(amcheck|dumpall) .*invalid page in block 0/,
                ));

            it("whose table has lost its file fails", () =>
                expectDamage(
                    `mv ${file} ${file}.kept`,
                    `mv ${file}.kept ${file}`,
                    /verify: pg_(amcheck|dumpall) .*could not open file/,
                ));

            it("that is whole passes where there is no pg_amcheck", async () => {
                await lab.shell(WITHOUT_AMCHECK);
                const { exitCode, output } = await run(verify.postgresql()).finally(() =>
                    lab.shell(WITH_AMCHECK),
                );
                expect(output).to.match(good("pg_dumpall"));
                expect(exitCode).to.equal(0);
            });

            it("that takes no writes fails", async () => {
                await lab.shell(`${PSQL} -c 'alter system set default_transaction_read_only = on'`);
                await restart(lab.host);
                try {
                    await expectFailure(verify.postgresql(), /PostgreSQL is read-only/);
                } finally {
                    await lab.shell(`${PSQL} -c 'alter system reset default_transaction_read_only'`);
                    await restart(lab.host);
                }
            });

            it("that is a standby fails", async () => {
                await lab.shell(": >/mnt/data/postgresql/standby.signal");
                await restart(lab.host);
                try {
                    await expectFailure(verify.postgresql(), /PostgreSQL is in recovery/);
                } finally {
                    await lab.shell("rm /mnt/data/postgresql/standby.signal");
                    await restart(lab.host);
                }
            });

            it("that is not up fails at the limit, with the client's reason", () =>
                expectFailure(
                    verify.postgresql({ ...SOON, port: 1 }),
                    /^verify: PostgreSQL is not up within 1 s: .*No such file or directory|Is the server running/,
                ));
        });
    });
});
