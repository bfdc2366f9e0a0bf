import type { PostgresqlOptions } from "../postgresql";
import { verifyScriptOf } from "./verifyScript";
import type { VerifyLimits, VerifyScript } from "./verifyScript";

/**
 * PostgreSQL, 10 or newer, with the options of `recipes.postgresql`. The role must be a superuser, as it reads
 * everything.
 *
 * It passes when the server answers within `startSeconds`, is not in recovery, is not read-only, commits a table that it
 * writes to the disk, has a table that somebody made, and all databases that allow connections can be read: by
 * `pg_amcheck`, which is part of PostgreSQL since 14 and looks at tables and B-tree indexes, or by `pg_dumpall`, whose
 * output is thrown away, which looks at tables. A page that changed on the disk is found for sure only where the cluster
 * has checksums (`initdb --data-checksums`), so the script prints whether it has.
 *
 * `pg_amcheck` needs the extension `amcheck`. The script makes it in databases that have none: in those of the copy.
 *
 * @throws TypeError for seconds that are not whole, or below 1
 */
export function postgresql(options: PostgresqlOptions & VerifyLimits = {}): VerifyScript {
    const { account = "postgres", role = "", database = "postgres", port = 5432, host = "" } = options;
    return verifyScriptOf([
        {
            kind: "postgresql",
            functions: "postgresql",
            level: "application",
            settings: { account, role, database, port: String(port), host },
            limits: options,
        },
    ]);
}
