import { recipeOf } from "./combine";
import type { RecipeScripts } from "./combine";

/** Files are on the instance, and root reads them. */
export interface RedisTls {
    /** Absolute path of the certificates that sign the server's. Default: those that the instance trusts. */
    ca?: string | undefined;
    /** Absolute path of the client's own certificate, where the server asks for one. Default: none. */
    certificate?: string | undefined;
    /** Absolute path of the key to `certificate`, without a passphrase. Default: none. */
    key?: string | undefined;
}

/** How the recipe reaches the server. */
export interface RedisOptions {
    /** TCP port of the server. Default 6379. */
    port?: number | undefined;
    /** Unix socket, instead of `host`, `port` and `tls`. Default: none. */
    socket?: string | undefined;
    /** Address that the server listens at, on this instance. Default: the client's own, 127.0.0.1. */
    host?: string | undefined;
    /** User of the access control list. Its password is `REDISCLI_AUTH`. Default: the server's default user. */
    user?: string | undefined;
    /** Speaks TLS. `true` is all defaults. Default: false. */
    tls?: boolean | RedisTls | undefined;
}

/**
 * Redis, 6.2 or newer, and Valkey. To be combined with `fileSystems` of what its files are on.
 *
 * Writers are paused (CLIENT PAUSE ... WRITE); readers are not. With an append-only file, that has all that was
 * acknowledged as soon as its buffer is written. Without, a dump is made (BGSAVE), which takes its time: with much data
 * use an append-only file ("Redis persistence": both are right to be copied at one instant). `check` compares the
 * server's run id and its number of changes. The pause ends by itself after three minutes.
 *
 * A password is redis-cli's `REDISCLI_AUTH` in `environment`. The user needs INFO, CLIENT PAUSE, CLIENT UNPAUSE and,
 * without an append-only file, BGSAVE. Before anything is frozen, INFO and CLIENT UNPAUSE are tried: a server that
 * refuses one of them is not paused.
 *
 * @throws TypeError for a file of `tls` that is not an absolute path, and for `socket` beside `host` or `tls`
 */
export function redis(options: RedisOptions = {}): RecipeScripts {
    return recipeOf([
        {
            kind: "redis",
            functions: "redis",
            needs: ["redisClient"],
            level: "application",
            settings: redisSettings(options),
        },
    ]);
}

/** How the client reaches the server, for redisClient.sh. */
export function redisSettings(options: RedisOptions): Record<string, string> {
    const { port = 6379, socket = "", host = "", user = "", tls = false } = options;
    if (socket !== "" && (host !== "" || tls !== false)) {
        throw new TypeError("redis() takes a socket, or host and tls");
    }
    return { port: String(port), socket, ...given({ host, user, ...tlsSettings(tls) }) };
}

function tlsSettings(tls: boolean | RedisTls): Record<string, string> {
    if (tls === false) {
        return {};
    }
    const { ca = "", certificate = "", key = "" } = tls === true ? {} : tls;
    if (![ca, certificate, key].every((path) => path === "" || /^\/[^\0\n]*$/.test(path))) {
        throw new TypeError("the files of redis()'s tls need absolute paths on the instance");
    }
    return { tls: "yes", ca, certificate, key };
}

/** A setting that is not used is none, so that what an earlier release froze has the same name, and can be thawed. */
function given(settings: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ""));
}
