import { recipeOf } from "./combine";
import type { RecipeScripts } from "./combine";

/** How the recipe reaches the server. */
export interface PostgresqlOptions {
    /** Operating system account that psql runs as. Default `postgres`. */
    account?: string | undefined;
    /** Database role. Default: the account's name. It needs the right to CHECKPOINT (superuser, or `pg_checkpoint`). */
    role?: string | undefined;
    /** Database that psql connects to; all of the cluster is in the set. Default `postgres`. */
    database?: string | undefined;
    /** TCP port, or that in the socket's name. Default 5432. */
    port?: number | undefined;
    /** Folder of the socket, or address. Default: psql's own. */
    host?: string | undefined;
}

/**
 * PostgreSQL, 10 or newer. To be combined with `fileSystems` of all that the cluster is on: data directory, WAL,
 * tablespaces.
 *
 * Its manual ("File System Level Backup") calls a snapshot of all file systems at one instant a right backup, with the
 * server running, and advises a CHECKPOINT before it. Started on it, the server replays what was logged since that
 * CHECKPOINT, as after a crash: that is what the manual promises, not less. pg_backup_start is for copies that are not
 * made at one instant; a snapshot without the label that pg_backup_stop gives is not such a backup.
 *
 * PostgreSQL has nothing to hold commits back with: the frozen file systems do. `check` compares how far the WAL has
 * been flushed, so that a server whose file systems are not in the recipe, and which goes on to commit, earns no level.
 * Transactions with `synchronous_commit = off` may be lost as in a crash.
 *
 * Limits of time that are set for the server, the database or the role (`statement_timeout`, `idle_session_timeout` and
 * the like) are lifted in the recipe's own session.
 *
 * A password is psql's `PGPASSWORD` in `environment`.
 */
export function postgresql(options: PostgresqlOptions = {}): RecipeScripts {
    const { account = "postgres", role = "", database = "postgres", port = 5432, host = "" } = options;
    return recipeOf([
        {
            kind: "postgresql",
            functions: "postgresql",
            needs: ["session"],
            level: "application",
            settings: { account, role, database, port: String(port), host },
        },
    ]);
}
