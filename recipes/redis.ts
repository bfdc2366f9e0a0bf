import { recipeOf } from "./combine";
import type { RecipeScripts } from "./combine";

export interface RedisOptions {
    /** Default 6379. */
    port?: number | undefined;
    /** Unix socket, instead of the port. */
    socket?: string | undefined;
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
 */
export function redis(options: RedisOptions = {}): RecipeScripts {
    const { port = 6379, socket = "" } = options;
    return recipeOf([
        {
            kind: "redis",
            functions: "redis",
            needs: [],
            level: "application",
            settings: { port: String(port), socket },
        },
    ]);
}
