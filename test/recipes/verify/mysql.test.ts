import { expect } from "chai";
import { RecipeHost } from "../../../lab/hosts/recipeHost";
import { needsRoot } from "../../../lab/hosts/sshHost";
import type { RestoredVolume } from "../../../lab/volumes/volumes";
import { verify } from "../../../recipes";
import { DATA_AND_LOG } from "../../../tools/prove/application";
import { mariadb, startRestored } from "../../../tools/prove/mariadb";

const SOCKET = "/run/mysql/socket";
const SQL = `mariadb --no-defaults --skip-column-names -S ${SOCKET}`;
const SHOP = "/mnt/data/mysql/shop";
/** As large as the server's first pages are not. */
const PAGE = 16_384;
/** Twelve pages of rows, and one row that has most of it outside of its page. */
const FILL =
    "create database shop; use shop; create table shop.orders (n int primary key, text char(255)) charset=latin1; " +
    "insert into shop.orders select seq, repeat('x', 255) from seq_1_to_500; " +
    "create table shop.\\`a name\\` (id int primary key, document longtext) charset=latin1; " +
    "insert into shop.\\`a name\\` values (1, repeat('document', 50000)); " +
    "create table shop.counted (n int) engine=aria transactional=0; insert into shop.counted values (1), (2); " +
    "create table shop.parted (n int primary key) partition by hash (n) partitions 2; insert into shop.parted values (1); " +
    "create view shop.seen as select * from shop.orders";

describe("the script for restore tests of MySQL and MariaDB", function () {
    this.timeout(180_000);
    let lab: RecipeHost;
    /** As it was while the server ran. */
    let whole: RestoredVolume[];
    let volumes: RestoredVolume[];

    before(async function () {
        needsRoot(this);
        lab = await RecipeHost.start(DATA_AND_LOG);
        await mariadb.start(lab.host);
        await lab.shell(`${SQL} -e "${FILL}"`);
        // As the recipe does: what MyISAM and Aria have open is not whole on the disk.
        await lab.shell(`${SQL} -e 'flush tables'`);
        whole = await lab.restored();
        // Damage in what its log still holds would be mended when it starts.
        await lab.shell(`${SQL} -e shutdown && while [ -e /run/mysql/pid ]; do sleep 0.1; done`);
    });
    beforeEach(async () => {
        volumes = await lab.restored();
    });
    after(() => (lab as RecipeHost | undefined)?.stop());

    const run = (
        after = startRestored,
        { shell = "sh", ...options }: { shell?: string; startSeconds?: number } = {},
    ) => lab.verify(verify.mysql({ socket: SOCKET, ...options }), { shell, on: { volumes, after } });

    async function expectFailure(after: string, message: RegExp, options = {}): Promise<void> {
        const { exitCode, output } = await run(after, options);
        expect(output, output).to.match(message);
        expect(exitCode).to.equal(1);
    }

    for (const shell of ["dash", "busybox sh"]) {
        it(`passes what is whole, with its figures, under ${shell}`, async () => {
            const { exitCode, output } = await lab.verify(verify.mysql({ socket: SOCKET }), {
                shell,
                on: { volumes: whole, after: startRestored },
            });
            expect(output, output).to.match(
                new RegExp(
                    "^10\\.\\S+ answered after \\d+ s\nchecked and read whole in \\d+ s\n" +
                        "tables: 5\nrows, those of the server included: \\d+\nchecksums of pages: full_crc32\n$",
                ),
            );
            expect(exitCode).to.equal(0);
        });
    }

    const flip = (file: string, page: number) =>
        `printf damaged | dd of='${file}' bs=1 seek=${page * PAGE + 8000} conv=notrunc status=none`;

    it("fails for a changed byte in a page of a table", () =>
        expectFailure(
            `${flip(`${SHOP}/orders.ibd`, 5)} && ${startRestored}`,
            /verify: (CHECK TABLE finds damage|the server cannot check its tables): .*/,
        ));

    it("fails for a changed byte in what a row has outside of its page", () =>
        expectFailure(
            `${flip(`${SHOP}/a@0020name.ibd`, 12)} && ${startRestored}`,
            /verify: innochecksum finds damage in \/mnt\/data\/mysql\/shop\/a@0020name\.ibd: /,
        ));

    it("fails for a table of another engine whose file is cut off", () =>
        expectFailure(
            `truncate -s 10 ${SHOP}/counted.MAD && ${startRestored}`,
            /verify: CHECK TABLE finds damage: .*shop\.counted/,
        ));

    it("fails for a table whose file is not there", () =>
        expectFailure(
            `rm ${SHOP}/orders.ibd && ${startRestored}`,
            /verify: CHECK TABLE finds damage: .*shop\.orders.*/,
        ));

    it("fails for a database whose folder is not mounted", () =>
        expectFailure(
            `mount -t tmpfs empty ${SHOP} && chown nobody ${SHOP} && ${startRestored}`,
            /verify: InnoDB knows tables that the server does not see, such as shop\/a@0020name: /,
        ));

    it("fails for a new server, as systems make one where nothing is mounted", () =>
        expectFailure(
            `${startRestored} && ${SQL} -e 'drop database shop; drop database proof'`,
            /verify: the server has no table that anybody made/,
        ));

    it("fails where it is read-only", () =>
        expectFailure(
            `${startRestored} && ${SQL} -e 'set global read_only = on'`,
            /verify: the server is read-only: read_only is on/,
        ));

    it("fails where the disk is full", () =>
        expectFailure(
            `${startRestored} && { for size in 1M 4k; do dd if=/dev/zero of=/mnt/data/filler-$size bs=$size 2>/dev/null; done; true; }`,
            /verify: the server cannot write: .*(full|No space left|28)/,
        ));

    it("fails where its file system is read-only, because it is not up then", () =>
        expectFailure(
            `mount -o remount,ro /mnt/data && ! (${startRestored.replace("lt 600", "lt 20")})`,
            /verify: the server is not up within 1 s: .*socket/,
            {
                startSeconds: 1,
            },
        ));

    it("takes root's own option file for the password", async () => {
        const { exitCode, output } = await run(
            `${startRestored} && ${SQL} -e "set password = password('s3cret')" && mount -t tmpfs home /root && ` +
                "printf '[client]\\npassword=s3cret\\nhtml\\n[mysql]\\nforce\\n' >/root/.my.cnf",
        );
        expect(output, output).to.match(/checksums of pages: full_crc32\n$/);
        expect(exitCode).to.equal(0);
    });

    it("fails without the password", () =>
        expectFailure(
            `${startRestored} && ${SQL} -e "set password = password('s3cret')" && mount -t tmpfs home /root`,
            /verify: the server is not up within 1 s: .*Access denied/,
            { startSeconds: 1 },
        ));

    it("lifts the server's limits of time", async () => {
        const { exitCode, output } = await run(
            `${startRestored} && ${SQL} -e 'set global max_statement_time = 0.000001'`,
        );
        expect(output, output).to.match(/checksums of pages/);
        expect(exitCode).to.equal(0);
    });
});
