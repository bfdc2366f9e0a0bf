import type { z } from "zod";
import type { CheckFailure } from "./checkFailure";
import { checkWay } from "./checkTunnel";
import { checkVss } from "./checkVss";
import { reaches } from "../base/consistency";
import { type ConsistencyLevel, levels } from "../base/evidence";
import { hiddenInputs, nearest, schemas } from "./inputs";
import { promisedLevel } from "./promisedLevel";
import { findSlips } from "./slips";
import { checkHostKey } from "../transport/ssh/hostKey";
import { checkPrivateKey } from "../transport/ssh/privateKey";
import { isOfSecretTable } from "../base/secretTable";
import { isUnknown } from "../base/unknown";

type Inputs = Record<string, unknown>;
type Path = readonly PropertyKey[];

/** Every bad input, with what is wrong about it. What is not known yet is never bad. */
export function checkSnapshotInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    const failures = [
        ...checkSchema(schemas.snapshot, inputs),
        ...checkMinimumLevel(inputs),
        ...checkHooks(inputs.quiesce, env),
        ...checkVss(inputs),
    ];
    return failures.filter((one, index) => index === failures.findIndex(isAbout(one.property)));
}

/** The first word about an input is the plainest; what it leads to is not said as well. */
function isAbout(property: string): (failure: CheckFailure) => boolean {
    return (failure) => failure.property === property;
}

/**
 * The same for a group: each member is looked at as a set of its own, with what all of them have. What is wrong about
 * the latter is said once.
 */
export function checkGroupInputs(inputs: Inputs, env: NodeJS.ProcessEnv = process.env): CheckFailure[] {
    const { members, ...shared } = inputs;
    const ofGroup = checkSchema(schemas.group, inputs);
    if (!isRecord(members)) {
        return ofGroup;
    }
    const ofMembers = Object.entries(members)
        .filter(([, member]) => isRecord(member))
        .flatMap(([name, member]) => checkMember(name, member as Inputs, shared, env));
    return [...ofGroup, ...ofMembers, ...checkDistinct(members)].filter(
        ({ property, reason }, index, all) =>
            all.findIndex((one) => one.property === property && one.reason === reason) === index,
    );
}

function checkMember(name: string, member: Inputs, shared: Inputs, env: NodeJS.ProcessEnv): CheckFailure[] {
    const { instanceId, quiesce, volumes } = member;
    const method = isRecord(quiesce) ? quiesce.method : undefined;
    if (method !== undefined && method !== "hooks" && !isUnknown(method)) {
        return [
            {
                property: pathText(["members", name, "quiesce", "method"]),
                reason:
                    'must be "hooks": only scripts hold a freeze for as long as the other members need ' +
                    "(take instances of the other methods by an AppConsistentSnapshot each)",
            },
        ];
    }
    const inside = /^(instanceId|quiesce|volumes)\b/;
    return checkSnapshotInputs({ ...shared, instanceId, quiesce, volumes }, env).map((failure) =>
        inside.test(failure.property)
            ? { ...failure, property: `${pathText(["members", name])}.${failure.property}` }
            : failure,
    );
}

/** An instance cannot be frozen for two sets at once. */
function checkDistinct(members: Inputs): CheckFailure[] {
    const names = new Map<unknown, string>();
    return Object.entries(members).flatMap(([name, member]) => {
        const instanceId = isRecord(member) ? member.instanceId : undefined;
        const other = names.get(instanceId);
        if (typeof instanceId !== "string" || isUnknown(instanceId) || other === undefined) {
            names.set(instanceId, name);
            return [];
        }
        return [
            {
                property: pathText(["members", name, "instanceId"]),
                reason: `"${instanceId}" is also the instance of the member "${other}"`,
            },
        ];
    });
}

export function checkHostKeysInputs(inputs: Inputs): CheckFailure[] {
    return checkSchema(schemas.hostKeys, inputs);
}

function checkSchema(schema: z.ZodType, inputs: Inputs): CheckFailure[] {
    const { error } = schema.safeParse(inputs);
    const slips = findSlips(inputs).map(({ path, reason }) => ({
        property: pathText(presentablePart(path)),
        reason,
    }));
    const failures = (error?.issues ?? []).flatMap((issue) => toFailures(schema, inputs, issue));
    return [
        ...slips,
        ...failures.filter(({ property }) => !slips.some((slip) => slip.property === property)),
    ];
}

function toFailures(schema: z.ZodType, inputs: Inputs, issue: z.core.$ZodIssue): CheckFailure[] {
    if (issue.code === "unrecognized_keys") {
        return issue.keys.map((key) =>
            isPresentable(issue.path, key)
                ? {
                      property: pathText([...issue.path, key]),
                      reason: `is not an input${placeText(schema, inputs, issue.path, key)}`,
                  }
                : {
                      property: unseenPath(issue.path),
                      reason: `has a key that is not an input; known here: ${knownKeys(schema, inputs, issue.path).join(", ")}`,
                  },
        );
    }
    if (issue.code === "invalid_key") {
        const [inner] = issue.issues;
        const reason = inner?.message ?? issue.message;
        const outer = issue.path.slice(0, -1);
        return [
            isPresentable(outer, issue.path.at(-1))
                ? { property: pathText(issue.path), reason }
                : { property: unseenPath(outer), reason: `has a name that ${reason}` },
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

/**
 * Pulumi prints the value of a property that is not inside of another one, whole. Of `quiesce` that may have a secret in a
 * place that nobody knows as one.
 */
function unseenPath(path: Path): string {
    return path.length === 1 && path[0] === "quiesce" ? "quiesce.*" : pathText(path);
}

const LONGEST_SHOWN = 60;

/** The offending value before what is wrong with it; none where there may be a secret, also one that came into a wrong place. */
function withValue(inputs: Inputs, path: Path, reason: string): string {
    const value = valueAt(inputs, path);
    if (!(typeof value === "number" || typeof value === "boolean" || typeof value === "string")) {
        return reason;
    }
    const besideSecrets = path[0] === "quiesce" && methodOf(inputs.quiesce) !== "vss";
    if (besideSecrets && (typeof value === "string" || isOfSecretTable(path))) {
        return reason;
    }
    const shown = JSON.stringify(value);
    return value === "" || shown.length > LONGEST_SHOWN ? reason : `${shown} ${reason}`;
}

/** A key beside secrets that looks like no name may be a secret itself: { environment: { "PASSWORD=hunter2": "" } }. */
function isPresentable(path: Path, key: PropertyKey | undefined): boolean {
    return path[0] !== "quiesce" || /^[\w.-]{1,64}$/.test(String(key));
}

function presentablePart(path: Path): Path {
    const end = path.findIndex((key, index) => !isPresentable(path.slice(0, index), key));
    return end === -1 ? path : path.slice(0, end);
}

/** What is wrong inside a value, where one of the alternatives fits the value as a whole. */
function insideUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
    if (issue.code !== "invalid_union") {
        return [];
    }
    const fitting = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0)) ?? [];
    return fitting.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** JavaScript's types, as a sentence has them. */
const TYPES: Readonly<Record<string, string>> = {
    string: "a string",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    object: "an object",
    record: "an object",
    array: "a list",
};

function reasonOf(inputs: Inputs, issue: z.core.$ZodIssue): string {
    const value = valueAt(inputs, issue.path);
    if (issue.code !== "invalid_type") {
        return issue.message;
    }
    const own = !issue.message.startsWith("Invalid input: ");
    if (value === undefined && !own) {
        return "is required";
    }
    const must = own
        ? issue.message
        : `must be ${TYPES[issue.expected] ?? issue.expected}, not ${typeText(value)}`;
    const reader = typeof value === "string" ? READERS[issue.expected] : undefined;
    return reader === undefined ? must : `${must}; ${reader} reads one from the stack's config`;
}

/** `config.get` has a string of everything, which is where most strings in the wrong place come from. */
const READERS: Readonly<Record<string, string>> = {
    number: "config.getNumber",
    int: "config.getNumber",
    boolean: "config.getBoolean",
};

function typeText(value: unknown): string {
    if (value === null) {
        return "null";
    }
    if (typeof value === "boolean") {
        return "a boolean";
    }
    return TYPES[Array.isArray(value) ? "array" : typeof value] ?? typeof value;
}

/** Other programs' names of inputs. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
    address: "host",
    hostname: "host",
    username: "user",
    bastion: "proxy",
    jumphost: "proxy",
    passphrase: "privateKeyPassword",
    identityfile: "privateKey",
};

/** Where an input belongs that stands in a wrong place, or what it may have been meant to be. */
function placeText(schema: z.ZodType, inputs: Inputs, path: Path, key: string): string {
    const known = knownKeys(schema, inputs, path);
    const foreign = FOREIGN_NAMES[key.toLowerCase()] ?? "";
    const meant = nearest(key, known) ?? (known.includes(foreign) ? foreign : undefined);
    if (meant !== undefined) {
        return `; did you mean "${meant}"?`;
    }
    const place = placeOf(schema, inputs, key);
    if (place === undefined) {
        return `; known here: ${known.join(", ")}`;
    }
    const here = pathText([...path, key]) === pathText(place.path);
    if (here) {
        return ` here; it is one of method: "${place.method ?? ""}"`;
    }
    const ofMethod = place.method === undefined ? "" : `, with method: "${place.method}"`;
    return ` here; its place is ${pathText(place.path)}${ofMethod}`;
}

interface Place {
    readonly node: SchemaNode;
    readonly path: Path;
    /** Only a quiesce by another method than the given one has it. */
    readonly method?: string | undefined;
}

/** The outermost place where a schema knows a key. What users name themselves is none. */
function placeOf(schema: z.ZodType, inputs: Inputs, key: string): Place | undefined {
    let level: Place[] = [{ node: schema as SchemaNode, path: [] }];
    while (level.length > 0) {
        level = level
            .flatMap(({ node, path, method }) =>
                optionsOf(node, valueAt(inputs, path)).flatMap((option) =>
                    Object.entries(option.node.shape ?? {}).map(([name, inner]) => ({
                        node: inner,
                        path: [...path, name],
                        method: method ?? option.method,
                    })),
                ),
            )
            .filter(({ path }) => !hiddenInputs.includes(String(path[0])));
        const found = level.filter(({ path }) => path.at(-1) === key);
        if (found.length > 0) {
            return found.find(({ method }) => method === undefined) ?? found[0];
        }
    }
    return undefined;
}

/** What a node may be: the alternatives of a union, with the method of each that was not given. */
function optionsOf(node: SchemaNode, value: unknown): { node: SchemaNode; method?: string }[] {
    const resolved = unwrap(node, value);
    if (resolved.options === undefined && (node.unwrap?.() ?? node).options === undefined) {
        return [{ node: resolved }];
    }
    return ((node.unwrap?.() ?? node).options ?? []).map((option) => {
        const [method] = option.shape?.method?.values ?? [];
        return option === resolved || typeof method !== "string"
            ? { node: option }
            : { node: option, method };
    });
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
        here = here.shape?.[String(key)] ?? here.valueType ?? {};
        value = (value as Inputs)[String(key)];
    }
    return Object.keys(here.shape ?? {}).filter((key) => !hiddenInputs.includes(key));
}

/** The few parts of a zod schema that are walked here. */
interface SchemaNode {
    readonly shape?: Record<string, SchemaNode>;
    readonly valueType?: SchemaNode;
    readonly options?: readonly SchemaNode[];
    readonly values?: Set<unknown>;
    unwrap?(): SchemaNode;
}

function unwrap(node: SchemaNode, value: unknown): SchemaNode {
    const inner = node.unwrap?.() ?? node;
    const given = value as Inputs | null | undefined;
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
        return failure(
            `quiescing by "${methodOf(quiesce)}" promises "${promised}" at most; leave minimumLevel out, or quiesce in another way`,
        );
    }
    if (unverified(quiesce) && minimum !== "crash") {
        return failure(
            'with verifyInstanceIdentity: false the level is "crash" at most (IDENTITY_UNVERIFIED); ' +
                'leave verifyInstanceIdentity out, or set minimumLevel: "crash"',
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
                reason: `is required, because ${missing === "preFreeze" ? "postThaw" : "preFreeze"} is given: what freezes and what thaws belong together`,
            },
        ];
    }
    return Object.entries({ preFreeze, postThaw }).flatMap(([name, source]) => checkScript(name, source));
}

function checkScript(name: string, source: unknown): CheckFailure[] {
    if (!isRecord(source) || (source.path === undefined) !== (source.script === undefined)) {
        return [];
    }
    return [
        {
            property: `quiesce.scripts.${name}`,
            reason: `needs a \`path\` or a \`script\`, ${source.path === undefined ? "and has neither" : "not both"}`,
        },
    ];
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
                reason:
                    "needs a way to log in: privateKey, password, agentSocketPath, or SSH_AUTH_SOCK in the environment of " +
                    "Pulumi",
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
        (here, key) => (here as Record<PropertyKey, unknown> | null | undefined)?.[key],
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
