import { recipeOf } from "./combine";
import type { RecipeScripts } from "./combine";

/** How the recipe reaches the server. */
export interface MysqlOptions {
    /** Account of the database. It needs RELOAD. Default `root`. */
    user?: string | undefined;
    /** Path of the server's socket. Default: the client's own. */
    socket?: string | undefined;
    /** Address, instead of the socket. Default: none. */
    host?: string | undefined;
    /** TCP port, with `host`. Default 3306. */
    port?: number | undefined;
}

/**
 * MySQL and MariaDB. To be combined with `fileSystems` of all that the server's data is on.
 *
 * Their manuals (MySQL, "Making Backups Using a File System Snapshot"; MariaDB, "Backup and Restore Overview") take
 * FLUSH TABLES WITH READ LOCK in a session that stays until the snapshot is taken. The session is kept here, and waits
 * for the lock no longer than the recipe's own limit (`lock_wait_timeout`), for everybody else waits behind it. FLUSH
 * ENGINE LOGS makes it whole where `innodb_flush_log_at_trx_commit` is not 1. Started on the snapshot, InnoDB goes
 * through its recovery, with nothing to roll back or forward that had been committed: the manuals promise no more.
 *
 * Limits of time that are set for the server or the account (`wait_timeout`, `max_statement_time`) are lifted in that
 * session.
 *
 * A password is the client's `MYSQL_PWD` in `environment`.
 */
export function mysql(options: MysqlOptions = {}): RecipeScripts {
    const { user = "root", socket = "", host = "", port = 3306 } = options;
    return recipeOf([
        {
            kind: "mysql",
            functions: "mysql",
            needs: ["session"],
            level: "application",
            settings: { user, socket, host, port: String(port) },
        },
    ]);
}
