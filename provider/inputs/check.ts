import type { z } from "zod";
import type { CheckFailure } from "./checkFailure";
import { checkWay } from "./checkTunnel";
import { checkVss } from "./checkVss";
import { reaches } from "../base/consistency";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { hiddenInputs, schemas, suggestion } from "./inputs";
import { promisedLevel } from "./promisedLevel";
import { checkHostKey } from "../transport/ssh/hostKey";
import { checkPrivateKey } from "../transport/ssh/privateKey";
import { isUnknown } from "../base/unknown";

type Inputs = Record<string, unknown>;
type Path = readonly PropertyKey[];

/** Every bad input, with what is wrong about it. What is not known yet is never bad. */
export function checkSnapshotInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    return [
        ...checkSchema(schemas.snapshot, inputs),
        ...checkMinimumLevel(inputs),
        ...checkHooks(inputs.quiesce, env),
        ...checkVss(inputs),
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
            property: pathText(isPresentable(issue.path, key) ? [...issue.path, key] : issue.path),
            reason: isPresentable(issue.path, key)
                ? `is not an input; ${suggestion(key, known)}`
                : `has a key that is not an input; known here: ${known.join(", ")}`,
        }));
    }
    if (issue.code === "invalid_key") {
        const [inner] = issue.issues;
        const reason = inner?.message ?? issue.message;
        const outer = issue.path.slice(0, -1);
        return [
            isPresentable(outer, issue.path.at(-1))
                ? { property: pathText(issue.path), reason }
                : { property: pathText(outer), reason: `has a name that ${reason}` },
        ];
    }
    const inside = insideUnion(issue);
    if (inside.length > 0) {
        return inside.flatMap((inner) => toFailures(schema, inputs, inner));
    }
    if (isUnknown(valueAt(inputs, issue.path))) {
        return [];
    }
    return [
        { property: pathText(issue.path), reason: withValue(inputs, issue.path, reasonOf(inputs, issue)) },
    ];
}

const LONGEST_SHOWN = 60;

/** The offending value before what is wrong with it; none beside secrets, where one may have come into the wrong place. */
function withValue(inputs: Inputs, path: Path, reason: string): string {
    const value = valueAt(inputs, path);
    if (
        path[0] === "quiesce" ||
        !(typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    ) {
        return reason;
    }
    const shown = JSON.stringify(value);
    return value === "" || shown.length > LONGEST_SHOWN ? reason : `${shown} ${reason}`;
}

/** A key beside secrets that looks like no name may be a secret itself: { environment: { "PASSWORD=hunter2": "" } }. */
function isPresentable(path: Path, key: PropertyKey | undefined): boolean {
    return path[0] !== "quiesce" || /^[\w.-]{1,64}$/.test(String(key));
}

/** What is wrong inside a value, where one of the alternatives fits the value as a whole. */
function insideUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
    if (issue.code !== "invalid_union") {
        return [];
    }
    const fitting = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0)) ?? [];
    return fitting.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function reasonOf(inputs: Inputs, issue: z.core.$ZodIssue): string {
    const types = /^Invalid input: expected (?<expected>\w+), received (?<received>\w+)$/.exec(
        issue.message,
    )?.groups;
    if (types === undefined) {
        return issue.message;
    }
    const { expected = "", received = "" } = types;
    return valueAt(inputs, issue.path) === undefined
        ? "is required"
        : `must be of type ${expected}, not ${received}`;
}

/** The keys that the schema knows at a path; a union is resolved by the `method`, or the `via`, that was given. */
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
    return Object.keys(here.shape ?? {}).filter((key) => !hiddenInputs.includes(key));
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
    const given = value as Inputs | undefined;
    const fits = ({ shape }: SchemaNode) =>
        ["method", "via"].some((name) => shape?.[name]?.values?.has(given?.[name]) === true);
    return inner.options?.find(fits) ?? inner;
}

/** By what is given, not by what was parsed: an unknown or bad value elsewhere must not hide this. */
function checkMinimumLevel({ quiesce, minimumLevel }: Inputs): CheckFailure[] {
    const promised = promisedLevel(quiesce);
    const minimum = minimumLevel ?? promised;
    if (promised === undefined || !isLevel(minimum)) {
        return [];
    }
    const failure = (reason: string) => [
        { property: "minimumLevel", reason: `"${minimum}" can never be reached: ${reason}` },
    ];
    if (!reaches(promised, minimum)) {
        return failure(`quiescing by "${methodOf(quiesce)}" promises "${promised}" at most`);
    }
    if (unverified(quiesce) && minimum !== "crash") {
        return failure(
            'with verifyInstanceIdentity: false the level is "crash" at most (IDENTITY_UNVERIFIED); ' +
                'leave it out, or set minimumLevel: "crash"',
        );
    }
    return [];
}

function methodOf(quiesce: unknown): string {
    return isRecord(quiesce) && typeof quiesce.method === "string" ? quiesce.method : "";
}

function unverified(quiesce: unknown): boolean {
    return isRecord(quiesce) && quiesce.method === "hooks" && quiesce.verifyInstanceIdentity === false;
}

function isLevel(value: unknown): value is ConsistencyLevel {
    return levels.some((level) => level === value);
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
    return [...checkWay(at, target), ...checkServerKey(at, target), ...checkCredentials(at, target, env)];
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

/** As Pulumi writes a property's path. */
function pathText(path: Path): string {
    return path
        .map((key, index) => {
            if (typeof key === "number") {
                return `[${key}]`;
            }
            const name = String(key);
            return /^[\w-]+$/.test(name) ? `${index > 0 ? "." : ""}${name}` : `[${JSON.stringify(name)}]`;
        })
        .join("");
}
