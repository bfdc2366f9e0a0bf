import { hostRun } from "../../lab/volumes/volumes";
import { type Application, DATA_AND_LOG, nextPart, numbersOf, partsOf, WRITERS } from "./application";

const CLIENT = "redis-cli --raw -s /run/redis/socket";
/** The package that starts no server has it under another name; which program it is goes by the name. */
const SERVER = "ln -sf $(command -v redis-check-rdb) /run/redis/redis-server";

function start(persistence: string): string {
    return (
        `/run/redis/redis-server --port 0 --unixsocket /run/redis/socket --dir /mnt/data/redis ${persistence} ` +
        "--logfile /run/redis/log --daemonize yes >/dev/null && " +
        `tries=0; until [ "$(${CLIENT} ping 2>/dev/null)" = PONG ]; ` +
        "do tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.1; done"
    );
}

/** Where restored volumes are in the place of the originals, as `Volumes.runOn` has them. Ends when it answers. */
export function startRestored(persistence: string): string {
    return `mount -t tmpfs restored /run/redis && ${SERVER} && { ${start(persistence)}; }`;
}

function redis(name: string, persistence: string): Application {
    return {
        name,
        volumes: DATA_AND_LOG.slice(0, 1),
        version: "redis-cli --version",
        level: "application",
        recipe: 'recipes.combine(recipes.redis({ socket: "/run/redis/socket" }), recipes.fileSystems(["/mnt/data"]))',
        async start(host) {
            await hostRun(
                host,
                `mkdir /mnt/data/redis /run/redis && ${SERVER} && { ${start(persistence)}; }`,
            );
        },
        client: CLIENT,
        // The answer is the length of the list.
        statement: (writer, n) => `rpush writer-${writer} ${n}`,
        async read(volumes, restored) {
            const writers = Array.from({ length: WRITERS }, (_, writer) => writer);
            const output = await volumes.runOn(
                restored,
                `${startRestored(persistence)}; ` +
                    writers
                        .map((writer) => `${CLIENT} lrange writer-${writer} 0 -1 | sed 's/^/${writer} /'; `)
                        .join("") +
                    `${nextPart}; cat /run/redis/log; true`,
            );
            const [rows = [], log = []] = partsOf(output);
            return {
                numbers: numbersOf(rows),
                recovery: log.filter((line) => /truncat|short read|AOF loading anyway/i.test(line)),
                problems: log.filter((line) =>
                    /Bad file format|Fatal|Unrecoverable|Wrong signature/i.test(line),
                ),
            };
        },
    };
}

export const WITH_LOG = "--appendonly yes --save ''";
export const WITH_DUMPS = "--appendonly no --save ''";
export const redisWithLog = redis("Redis, append-only file", WITH_LOG);
/** Loses on purpose what came after its last dump; with the recipe the last dump is of the moment. */
export const redisWithDumps = redis("Redis, dumps only", WITH_DUMPS);
