import { isRecord } from "./record";
import type { Secret } from "./maskSecrets";
import { isUnknown } from "./unknown";

/** What kind of secret stands at a place of the inputs. */
type SecretKind = "text" | "script";
export interface SecretTable {
    readonly [key: string]: SecretKind | SecretTable;
}

/** In a table, the key for all keys of a map that users name themselves. */
const EACH = "*";

const target = { password: "text", privateKey: "text", privateKeyPassword: "text" } as const;
const script = { script: "script" } as const;

/** Where the inputs hold secrets. The only list: the constructor, what is masked in texts, and SSH go by it. */
export const secretTable = {
    quiesce: {
        connection: { ...target, proxy: target },
        scripts: { preFreeze: script, postThaw: script },
        environment: { [EACH]: "text" },
    },
} as const satisfies SecretTable;

/** The same for a group of several instances. */
export const groupSecretTable = { members: { [EACH]: secretTable } } as const satisfies SecretTable;

/** The same for a restore test. */
export const restoreSecretTable = {
    connection: secretTable.quiesce.connection,
    verify: script,
    launch: { userData: "script" },
} as const satisfies SecretTable;

/** The entries of a value that the table names, with what the table says of each. Absent ones are left out. */
export function entriesIn(
    table: SecretTable,
    value: Readonly<Record<string, unknown>>,
): { key: string; inner: unknown; of: SecretKind | SecretTable }[] {
    const { [EACH]: each, ...named } = table;
    const tableOfValue =
        each === undefined ? named : Object.fromEntries(Object.keys(value).map((key) => [key, each]));
    return Object.entries(tableOfValue)
        .map(([key, of]) => ({ key, inner: value[key], of }))
        .filter(({ inner }) => inner !== undefined && inner !== null);
}

/** Whether a secret may stand at a path, in it or above it. */
export function isOfSecretTable(path: readonly PropertyKey[], of: SecretTable = secretTable): boolean {
    let table: SecretTable | SecretKind | undefined = of;
    for (const key of path) {
        if (typeof table !== "object") {
            break;
        }
        table = table[String(key)] ?? table[EACH];
    }
    return table !== undefined;
}

/** The secrets that known inputs hold, to be masked. */
export function secretsIn(table: SecretTable | SecretKind, value: unknown): Secret[] {
    if (typeof table !== "object") {
        return typeof value !== "string" || value === ""
            ? []
            : [table === "script" ? { script: value } : value];
    }
    return isRecord(value) ? entriesIn(table, value).flatMap(({ inner, of }) => secretsIn(of, inner)) : [];
}

/** Paths of the objects with secrets that are not known yet as a whole, because one Output stands in their place. */
export function unknownParts(
    value: unknown,
    table: SecretTable | SecretKind = secretTable,
    path: readonly string[] = [],
): string[] {
    if (typeof table !== "object") {
        return [];
    }
    if (isUnknown(value)) {
        return [path.join(".")];
    }
    return isRecord(value)
        ? entriesIn(table, value).flatMap(({ key, inner, of }) => unknownParts(inner, of, [...path, key]))
        : [];
}
