import { hostRun } from "../../lab/volumes/volumes";
import { type Application, DATA_AND_LOG, nextPart, numbersOf, partsOf } from "./application";

const OPTIONS =
    "--datadir=/mnt/data/mysql --innodb-log-group-home-dir=/mnt/log/mysql --innodb-log-file-size=32M " +
    "--innodb-buffer-pool-size=32M";
const SQL =
    "mariadb --no-defaults --batch --skip-column-names --unbuffered --user=root --socket=/run/mysql/socket";
const FOLDER = "mkdir -p /run/mysql && chown nobody /run/mysql";
const START =
    `mariadbd --no-defaults ${OPTIONS} --user=nobody --socket=/run/mysql/socket --pid-file=/run/mysql/pid ` +
    "--skip-networking --log-error=/run/mysql/log.err >/dev/null 2>&1 & " +
    `tries=0; until ${SQL} -e 'select 1' >/dev/null 2>&1; ` +
    "do tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.1; done";

/** Where restored volumes are in the place of the originals, as `Volumes.runOn` has them. Ends when it answers. */
export const startRestored = `mount -t tmpfs -o mode=755 restored /run/mysql && chown nobody /run/mysql && { ${START}; }`;

/** With InnoDB's redo log on a volume of its own. */
export const mariadb: Application = {
    name: "MariaDB",
    volumes: DATA_AND_LOG,
    version: "mariadbd --version",
    level: "application",
    recipe: 'recipes.combine(recipes.mysql({ socket: "/run/mysql/socket" }), recipes.fileSystems(["/mnt/data", "/mnt/log"]))',
    async start(host) {
        await hostRun(
            host,
            `${FOLDER} && mkdir /mnt/data/mysql /mnt/log/mysql && chown nobody /mnt/data/mysql /mnt/log/mysql && ` +
                `mariadb-install-db --no-defaults ${OPTIONS} --user=nobody --skip-test-db ` +
                `--auth-root-authentication-method=normal >/dev/null 2>&1 && { ${START}; } && ` +
                `${SQL} -e 'create database proof; ` +
                "create table proof.numbers (writer int, n int, primary key (writer, n)) engine=InnoDB'",
        );
    },
    client: SQL,
    statement: (writer, n) => `insert into proof.numbers values (${writer}, ${n}); select ${n};`,
    async read(volumes, restored) {
        const output = await volumes.runOn(
            restored,
            `${startRestored}; ` +
                `${SQL} -e 'select writer, n from proof.numbers order by 1, 2' 2>&1; ${nextPart}; ` +
                `cat /run/mysql/log.err; ${nextPart}; ` +
                `${SQL} -e 'check table proof.numbers extended' 2>&1; true`,
        );
        const [rows = [], log = [], checked = []] = partsOf(output);
        return {
            numbers: numbersOf(rows),
            recovery: log.filter((line) => /crash recovery|rolled back|Rolling back|were not/.test(line)),
            problems: [
                ...checked.filter((line) => !/\bOK$/.test(line)),
                ...log.filter((line) => /\[ERROR\]/.test(line)),
            ],
        };
    },
};
