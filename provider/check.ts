import type { z } from "zod";
import { type ConsistencyLevel } from "./evidence";
import { reaches } from "./consistency";
import { promisedLevel, type Quiesce, schemas, suggestion } from "./inputs";
import { checkHostKey } from "./ssh/hostKey";
import { checkPrivateKey } from "./ssh/privateKey";
import { containsUnknown, isUnknown } from "./unknown";

/** A bad input, by its property path (`quiesce.connection.hostKey`, `volumes.excludeDataVolumeIds[0]`). */
export interface CheckFailure {
    readonly property: string;
    readonly reason: string;
}

type Inputs = Record<string, unknown>;
type Path = readonly PropertyKey[];

/** Every bad input, with what is wrong about it. What is not known yet is never bad. */
export function checkSnapshotInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    return [
        ...checkSchema(schemas.snapshot, inputs),
        ...checkMinimumLevel(inputs),
        ...checkHooks(inputs.quiesce, env),
    ];
}

export function checkHostKeysInputs(inputs: Inputs): CheckFailure[] {
    return checkSchema(schemas.hostKeys, inputs);
}

function checkSchema(schema: z.ZodType, inputs: Inputs): CheckFailure[] {
    const { error } = schema.safeParse(inputs);
    return (error?.issues ?? []).flatMap((issue) => toFailures(schema, inputs, issue));
}

function toFailures(schema: z.ZodType, inputs: Inputs, issue: z.core.$ZodIssue): CheckFailure[] {
    if (issue.code === "unrecognized_keys") {
        const known = knownKeys(schema, inputs, issue.path);
        return issue.keys.map((key) => ({
            property: pathText([...issue.path, key]),
            reason: `is not an input; ${suggestion(key, known)}`,
        }));
    }
    if (containsUnknown(valueAt(inputs, issue.path))) {
        return [];
    }
    if (issue.code === "invalid_key") {
        const [inner] = issue.issues;
        return [{ property: pathText(issue.path), reason: inner?.message ?? issue.message }];
    }
    return [{ property: pathText(issue.path), reason: reasonOf(inputs, issue) }];
}

function reasonOf(inputs: Inputs, issue: z.core.$ZodIssue): string {
    const missing = issue.code === "invalid_type" && valueAt(inputs, issue.path) === undefined;
    return missing && issue.message.startsWith("Invalid input") ? "is required" : issue.message;
}

/** The keys that the schema knows at a path; a union is resolved by the `method` that was given. */
function knownKeys(schema: z.ZodType, inputs: Inputs, path: Path): string[] {
    let here: SchemaNode = schema as SchemaNode;
    let value: unknown = inputs;
    for (const key of [...path, undefined]) {
        here = unwrap(here, value);
        if (key === undefined) {
            break;
        }
        here = here.shape?.[String(key)] ?? {};
        value = (value as Inputs)[String(key)];
    }
    return Object.keys(here.shape ?? {}).filter((key) => key !== "owner");
}

/** The few parts of a zod schema that `knownKeys` walks. */
interface SchemaNode {
    readonly shape?: Record<string, SchemaNode>;
    readonly options?: readonly SchemaNode[];
    readonly values?: Set<unknown>;
    unwrap?(): SchemaNode;
}

function unwrap(node: SchemaNode, value: unknown): SchemaNode {
    const inner = node.unwrap?.() ?? node;
    const method = (value as Inputs | undefined)?.method;
    return inner.options?.find((option) => option.shape?.method?.values?.has(method)) ?? inner;
}

function checkMinimumLevel(inputs: Inputs): CheckFailure[] {
    const parsed = schemas.snapshot.shape.quiesce.safeParse(inputs.quiesce);
    const minimum = schemas.snapshot.shape.minimumLevel.safeParse(inputs.minimumLevel);
    if (!parsed.success || !minimum.success || minimum.data === undefined) {
        return [];
    }
    return levelFailure(parsed.data, minimum.data);
}

function levelFailure(quiesce: Quiesce, minimum: ConsistencyLevel): CheckFailure[] {
    const promised = promisedLevel(quiesce);
    if (reaches(promised, minimum)) {
        return [];
    }
    const reason = `"${minimum}" can never be reached: quiescing by "${quiesce.method}" promises "${promised}" at most`;
    return [{ property: "minimumLevel", reason }];
}

function checkHooks(quiesce: unknown, env: NodeJS.ProcessEnv): CheckFailure[] {
    if (!isRecord(quiesce) || quiesce.method !== "hooks") {
        return [];
    }
    return [
        ...checkScripts(quiesce.scripts),
        ...checkLogin("quiesce.connection", quiesce.connection, env),
        ...checkLogin(
            "quiesce.connection.proxy",
            isRecord(quiesce.connection) ? quiesce.connection.proxy : undefined,
            env,
        ),
    ];
}

function checkScripts(scripts: unknown): CheckFailure[] {
    if (!isRecord(scripts)) {
        return [];
    }
    const { preFreeze, postThaw } = scripts;
    if ((preFreeze === undefined) !== (postThaw === undefined)) {
        const missing = preFreeze === undefined ? "preFreeze" : "postThaw";
        return [
            {
                property: `quiesce.scripts.${missing}`,
                reason: "is required beside the other: what freezes and what thaws belong together",
            },
        ];
    }
    return Object.entries({ preFreeze, postThaw }).flatMap(([name, source]) => checkScript(name, source));
}

function checkScript(name: string, source: unknown): CheckFailure[] {
    if (!isRecord(source) || (source.path === undefined) !== (source.script === undefined)) {
        return [];
    }
    return [{ property: `quiesce.scripts.${name}`, reason: "needs either a `path` or a `script`" }];
}

function checkLogin(at: string, target: unknown, env: NodeJS.ProcessEnv): CheckFailure[] {
    if (!isRecord(target)) {
        return [];
    }
    return [...checkServerKey(at, target), ...checkCredentials(at, target, env)];
}

function checkServerKey(at: string, target: Inputs): CheckFailure[] {
    const { hostKey } = target;
    if (hostKey === undefined) {
        return target.insecureIgnoreHostKey === true || isUnknown(target.insecureIgnoreHostKey)
            ? []
            : [
                  {
                      property: `${at}.hostKey`,
                      reason:
                          "is required, so that nobody can pose as the instance: a line of /etc/ssh/ssh_host_*_key.pub, " +
                          "a SHA256: fingerprint, or the hostKeys of an InstanceHostKeys " +
                          "(insecureIgnoreHostKey: true gives this protection up)",
                  },
              ];
    }
    const keys: unknown[] = Array.isArray(hostKey) ? hostKey : [hostKey];
    return keys.flatMap((key, index) => {
        const problem = typeof key === "string" && !isUnknown(key) ? checkHostKey(key) : undefined;
        const property = Array.isArray(hostKey) ? `${at}.hostKey[${index}]` : `${at}.hostKey`;
        return problem === undefined ? [] : [{ property, reason: problem }];
    });
}

function checkCredentials(at: string, target: Inputs, env: NodeJS.ProcessEnv): CheckFailure[] {
    const { password, privateKey, privateKeyPassword, agentSocketPath } = target;
    if (
        [password, privateKey, agentSocketPath, env.SSH_AUTH_SOCK].every(
            (way) => way === undefined || way === "",
        )
    ) {
        return [
            {
                property: at,
                reason: "needs a password, a privateKey, an agentSocketPath or SSH_AUTH_SOCK in the environment",
            },
        ];
    }
    if (typeof privateKey !== "string" || isUnknown(privateKey) || isUnknown(privateKeyPassword)) {
        return [];
    }
    const passphrase = typeof privateKeyPassword === "string" ? privateKeyPassword : undefined;
    const problem = checkPrivateKey(privateKey, passphrase);
    return problem === undefined ? [] : [{ property: `${at}.${problem.input}`, reason: problem.reason }];
}

function isRecord(value: unknown): value is Inputs {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, path: Path): unknown {
    return path.reduce<unknown>(
        (here, key) => (here as Record<PropertyKey, unknown> | undefined)?.[key],
        value,
    );
}

function pathText(path: Path): string {
    return path
        .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`))
        .join("");
}
