import type { MysqlOptions } from "../mysql";
import { verifyScriptOf } from "./verifyScript";
import type { VerifyLimits, VerifyScript } from "./verifyScript";

/**
 * MySQL and MariaDB, with the options of `recipes.mysql`. The user must be one that reads and writes everything. Unlike
 * the recipe, it lets the client read root's option files, such as `/root/.my.cnf`: that is where a password can be.
 *
 * It passes when the server answers within `startSeconds`, is not read-only, writes a table to the disk, has a table that
 * somebody made, finds nothing in any table by `CHECK TABLE ... EXTENDED`, gives every row of every table, and
 * `innochecksum`, which is part of the server, finds nothing in any page of the tables' own files (`.ibd`) in its `datadir`.
 * That is needed, because MariaDB gives a large column shortened, and no error, where a page of it is damaged. Not looked
 * at is `ibdata1`, which holds the tables that were made with `innodb_file_per_table=0`. Tables that InnoDB knows and
 * MariaDB does not see any more, because their folder is not mounted, are damage as well. Of tables of the engines
 * FEDERATED, CONNECT and SPIDER nothing is read, because their rows are elsewhere.
 *
 * InnoDB checks each page that it reads by the checksum in it; the script prints by which.
 *
 * @throws TypeError for seconds that are not whole, or below 1
 */
export function mysql(options: MysqlOptions & VerifyLimits = {}): VerifyScript {
    const { user = "root", socket = "", host = "", port = 3306 } = options;
    return verifyScriptOf([
        {
            kind: "mysql",
            functions: "mysql",
            level: "application",
            settings: { user, socket, host, port: String(port) },
            limits: options,
        },
    ]);
}
