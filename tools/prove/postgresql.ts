import type { SshHost } from "../../lab/hosts/sshHost";
import { hostRun } from "../../lab/volumes/volumes";
import { type Application, DATA_AND_LOG, nextPart, numbersOf, partsOf } from "./application";

const AS = "setpriv --reuid postgres --regid postgres --init-groups";
const BIN = 'PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)"';
const SQL = "psql -X -q -A -t -F ' ' -U postgres -d postgres";
const SOCKET = "mkdir -p /run/postgresql && chown postgres /run/postgresql";
const OPTIONS =
    '-o "-c listen_addresses= -c unix_socket_directories=/run/postgresql -c shared_buffers=32MB -c log_line_prefix="';
const LOG = "/run/postgresql/log";
const start = (log: string) => `${AS} pg_ctl -s -w -t 60 -D /mnt/data/postgresql -l ${log} ${OPTIONS} start`;

/** After the server was killed, or while it recovers from that by itself. Its log begins anew. */
export async function restart(host: SshHost): Promise<void> {
    await hostRun(
        host,
        `${BIN}; ${AS} pg_ctl -s -w -t 60 -D /mnt/data/postgresql -m immediate stop 2>/dev/null; ` +
            `rm -f ${LOG}; ${start(LOG)} >/dev/null 2>&1`,
    );
}

export async function isRunning(host: SshHost): Promise<boolean> {
    const answer = await hostRun(host, `${BIN}; pg_isready -q -h /run/postgresql && echo yes || true`);
    return answer !== "";
}

/** Nothing was ever written. */
export async function forgetAll(host: SshHost): Promise<void> {
    await hostRun(host, `${SQL} -c 'truncate numbers'`);
}

/** An orderly end, after which nothing is left to recover. */
export async function stop(host: SshHost): Promise<void> {
    await hostRun(host, `${BIN}; ${AS} pg_ctl -s -w -t 60 -D /mnt/data/postgresql -m fast stop`);
}

/** Where restored volumes are in the place of the originals, as `Volumes.runOn` has them. Ends when it answers. */
export const startRestored =
    `${BIN} && mount -t tmpfs -o mode=755 restored /run/postgresql && chown postgres /run/postgresql && ` +
    // Left by the server that ran on it: its process id may be somebody's here.
    `rm -f /mnt/data/postgresql/postmaster.pid && ${start(LOG)} >/dev/null 2>&1`;

/** With its WAL on a volume of its own, and checksums in its pages. */
export const postgresql: Application = {
    name: "PostgreSQL",
    volumes: DATA_AND_LOG,
    version: `${BIN} postgres --version`,
    level: "application",
    recipe: 'recipes.combine(recipes.postgresql(), recipes.fileSystems(["/mnt/data", "/mnt/log"]))',
    async start(host) {
        await hostRun(
            host,
            `${BIN} && ${SOCKET} && chown postgres /mnt/data /mnt/log && ` +
                `${AS} initdb -k -A trust -U postgres -D /mnt/data/postgresql -X /mnt/log/wal >/dev/null && ` +
                `${start(LOG)} >/dev/null 2>&1 && ` +
                `${SQL} -c 'create table numbers (writer int, n int, primary key (writer, n))'`,
        );
    },
    client: SQL,
    statement: (writer, n) => `insert into numbers values (${writer}, ${n}) returning n;`,
    async read(volumes, restored) {
        const output = await volumes.runOn(
            restored,
            `${startRestored}; ` +
                `${SQL} -c 'select writer, n from numbers order by 1, 2' 2>&1; ${nextPart}; ` +
                `cat ${LOG}; ${nextPart}; ` +
                `${AS} pg_ctl -s -D /mnt/data/postgresql -m fast stop; ` +
                `${AS} pg_checksums --check -D /mnt/data/postgresql 2>&1 >/dev/null; true`,
        );
        const [rows = [], log = [], problems = []] = partsOf(output);
        return {
            numbers: numbersOf(rows),
            recovery: log.filter((line) => /not properly shut down|redo (starts|done)/.test(line)),
            problems: [...problems, ...log.filter((line) => /PANIC|FATAL|ERROR|could not/.test(line))],
        };
    },
};
