import { redisSettings } from "../redis";
import type { RedisOptions } from "../redis";
import { verifyScriptOf } from "./verifyScript";
import type { VerifyLimits, VerifyScript } from "./verifyScript";

/** Where the script finds the password. */
export interface RedisPassword {
    /**
     * Absolute path of a file on the server whose first line is the password, because a restore test gives a script no
     * secrets and `redis-cli` has no file for them. Root reads it. Default: no password.
     */
    passwordFile?: string | undefined;
}

/**
 * Redis, 6.2 or newer, and Valkey, with the options of `recipes.redis`. The user needs INFO, CONFIG GET, SET, DEL and
 * BGSAVE.
 *
 * It passes when the server has loaded its data within `startSeconds`, is no replica, has or had at least one key, takes
 * a write, and dumps all of its data to its disk (BGSAVE), where `redis-check-rdb` finds the dump whole.
 *
 * Redis loads an append-only file whose end is missing, and cuts it off, unless `aof-load-truncated` is `no`. Only its
 * log tells of that. So without that setting the script needs the server's `logfile` on this host, with its last start in
 * it, and fails where it cannot look. A dump has a checksum (`rdbchecksum`), an append-only file none beyond its base: a
 * changed byte inside a value there is not noticed by anybody. The script prints the one setting and the other.
 *
 * @throws TypeError for what `recipes.redis` throws it for, for a `passwordFile` that is not absolute, and for seconds
 *     that are not whole, or below 1
 */
export function redis(options: RedisOptions & RedisPassword & VerifyLimits = {}): VerifyScript {
    const { passwordFile = "" } = options;
    if (passwordFile !== "" && !/^\/[^\0\n]*$/.test(passwordFile)) {
        throw new TypeError("passwordFile of verify.redis() needs an absolute path on the server");
    }
    return verifyScriptOf([
        {
            kind: "redis",
            functions: "redis",
            needs: ["../redisClient"],
            level: "application",
            settings: { ...redisSettings(options), password_file: passwordFile },
            limits: options,
        },
    ]);
}
