import type { z } from "zod";
import { isRecord } from "../base/record";
import { isOfSecretTable, restoreSecretTable } from "../base/secretTable";
import { isUnknown } from "../base/unknown";
import type { CheckFailure } from "./checkFailure";
import { type Path, pathText, valueAt } from "./propertyPath";
import { knownKeys, placeText } from "./schemaPlaces";
import { findSlips } from "./slips";

type Inputs = Readonly<Record<string, unknown>>;

/** What a schema has against inputs, by the properties' paths, in words that say what to write instead. */
export function checkSchema(schema: z.ZodType, inputs: Inputs): CheckFailure[] {
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
                      reason: `has a key that is not an input; the inputs here are ${knownKeys(schema, inputs, issue.path).join(", ")}`,
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
    return path.length === 1 && hasSecrets(path) ? `${pathText(path)}.*` : pathText(path);
}

/** Inputs that hold secrets, and may have them in places that are not meant for any. */
const WITH_SECRETS: readonly unknown[] = ["quiesce", "connection", "verify"];

function hasSecrets([first]: Path): boolean {
    return WITH_SECRETS.includes(first);
}

const LONGEST_SHOWN = 60;

/** The offending value before what is wrong with it; none where there may be a secret, also one that came into a wrong place. */
function withValue(inputs: Inputs, path: Path, reason: string): string {
    const value = valueAt(inputs, path);
    if (!(typeof value === "number" || typeof value === "boolean" || typeof value === "string")) {
        return reason;
    }
    const besideSecrets = hasSecrets(path) && methodOf(inputs.quiesce) !== "vss";
    if (isOfSecretTable(path, restoreSecretTable)) {
        return reason;
    }
    if (besideSecrets && (typeof value === "string" || isOfSecretTable(path))) {
        return reason;
    }
    const shown = JSON.stringify(value);
    return value === "" || shown.length > LONGEST_SHOWN ? reason : `${shown} ${reason}`;
}

/** A key beside secrets that looks like no name may be a secret itself: { environment: { "PASSWORD=hunter2": "" } }. */
function isPresentable(path: Path, key: PropertyKey | undefined): boolean {
    return !hasSecrets(path) || /^[\w.-]{1,64}$/.test(String(key));
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

export function methodOf(quiesce: unknown): string {
    return isRecord(quiesce) && typeof quiesce.method === "string" ? quiesce.method : "";
}
