import { expect } from "chai";
import { RecipeHost } from "../../../lab/hosts/recipeHost";
import { needsRoot } from "../../../lab/hosts/sshHost";
import type { RestoredVolume } from "../../../lab/volumes/volumes";
import { verify } from "../../../recipes";
import { DATA_AND_LOG } from "../../../tools/prove/application";
import { postgresql as running, startRestored, stop } from "../../../tools/prove/postgresql";

const PSQL = "psql -X -q -A -t -U postgres -d postgres";
const DATA = "/mnt/data/postgresql";
const WITHOUT_AMCHECK = "mount --bind /dev/null $(ls /usr/lib/postgresql/*/bin/pg_amcheck | tail -n 1)";
const NOT_STARTED = `! (${startRestored})`;

describe("the script for restore tests of PostgreSQL", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    /** As it was while the server ran. */
    let whole: RestoredVolume[];
    let volumes: RestoredVolume[];
    let table: string;

    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start(DATA_AND_LOG);
        await running.start(lab.host);
        await lab.shell(
            `${PSQL} -c 'insert into numbers select 1, n from generate_series(1, 1000) n' -c 'create database "a name"' -c checkpoint`,
        );
        const path = await lab.shell(`${PSQL} -c "select pg_relation_filepath('numbers')"`);
        table = `${DATA}/${path.trim()}`;
        whole = await lab.restored();
        // Damage in what its log still holds would be mended when it starts.
        await stop(lab.host);
    });
    beforeEach(async () => {
        volumes = await lab.restored();
    });
    after(() => (lab as RecipeHost | undefined)?.stop());

    const run = (
        after: string,
        { shell = "sh", ...options }: { shell?: string; startSeconds?: number } = {},
    ) => lab.verify(verify.postgresql(options), { shell, on: { volumes, after } });

    async function expectPass(reader: string, after: string, options = {}): Promise<void> {
        const { exitCode, output } = await run(after, options);
        expect(output, output).to.match(
            new RegExp(
                `^PostgreSQL answered after \\d+ s\nread whole by ${reader} in \\d+ s\n` +
                    "databases: 3\ntables: 1\nbytes: \\d+\nchecksums of pages: on\n$",
            ),
        );
        expect(exitCode).to.equal(0);
    }
    async function expectFailure(after: string, message: RegExp, options = {}): Promise<void> {
        const { exitCode, output } = await run(after, options);
        expect(output, output).to.match(message);
        expect(exitCode).to.equal(1);
    }

    for (const shell of ["dash", "busybox sh"]) {
        it(`passes what is whole, with its figures, under ${shell}`, () => {
            volumes = whole;
            return expectPass("pg_amcheck", startRestored, { shell });
        });
    }
    it("passes what is whole where there is no pg_amcheck", () =>
        expectPass("pg_dumpall", `${WITHOUT_AMCHECK} && ${startRestored}`));

    for (const [reader, prepared] of [
        ["pg_amcheck", startRestored],
        ["pg_dumpall", `${WITHOUT_AMCHECK} && ${startRestored}`],
    ] as const) {
        it(`fails for a page that does not fit its checksum, by ${reader}`, () =>
            expectFailure(
                `printf damaged | dd of=${table} bs=1 seek=8000 conv=notrunc status=none && ${prepared}`,
                new RegExp(`verify: ${reader} .*invalid page in block 0`),
            ));
        it(`fails for a table that has lost its file, by ${reader}`, () =>
            expectFailure(
                `rm ${table} && ${prepared}`,
                new RegExp(`verify: ${reader} .*could not open file`),
            ));
    }

    it("fails for a new cluster, as systems make one where nothing is mounted", () =>
        expectFailure(
            `${startRestored} && ${PSQL} -c 'drop table numbers'`,
            /verify: PostgreSQL has no table that anybody made: see whether its data is mounted/,
        ));
    it("fails where it takes no writes", () =>
        expectFailure(
            `echo 'default_transaction_read_only = on' >>${DATA}/postgresql.conf && ${startRestored}`,
            /PostgreSQL is read-only/,
        ));
    it("fails for a standby", () =>
        expectFailure(`: >${DATA}/standby.signal && ${startRestored}`, /PostgreSQL is in recovery/));
    for (const [what, place] of [
        ["data", "/mnt/data"],
        ["WAL", "/mnt/log"],
    ]) {
        it(`fails where the disk of its ${what} is full`, () =>
            expectFailure(
                `${startRestored} && for size in 1M 4k; do dd if=/dev/zero of=${place}/filler-$size bs=$size 2>/dev/null; done; ` +
                    `i=0; while [ $i -lt 40 ] && ${PSQL} -c 'select pg_switch_wal()' -c 'checkpoint' >/dev/null 2>&1; do i=$((i + 1)); done; true`,
                /verify: PostgreSQL (cannot write|is not up)/,
                { startSeconds: 3 },
            ));
        it(`fails where the file system of its ${what} is not mounted`, () =>
            expectFailure(
                `umount -l ${place} && mount -t tmpfs empty ${place} && ${NOT_STARTED}`,
                /verify: PostgreSQL is not up within 1 s: /,
                {
                    startSeconds: 1,
                },
            ));
    }
    it("fails where its file system is read-only, because it is not up then", () =>
        expectFailure(
            `mount -o remount,ro /mnt/data && ${NOT_STARTED}`,
            /verify: PostgreSQL is not up within 1 s: /,
            {
                startSeconds: 1,
            },
        ));
});
