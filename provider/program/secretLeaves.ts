import { Output, Resource, secret } from "@pulumi/pulumi";
import { type SecretTable, entriesIn, secretTable } from "../base/secretTable";

/**
 * The inputs with every secret marked, leaf by leaf. An object that is secret as a whole would be one unknown value at
 * preview, and nothing of it could be checked. Where the program has an Output, a Promise or anything else in the place
 * of such an object, the whole of it is marked, because its leaves cannot be told apart here.
 *
 * @throws Error where nothing could be read of what the program gives
 */
export function secretLeaves<Args extends object>(
    args: Args,
    type = "AppConsistentSnapshot",
    table: SecretTable = secretTable,
): Args {
    if (isOpaque(args)) {
        throw new Error(
            `${type}: its arguments must be a plain object; Outputs and Promises may only stand inside of it.`,
        );
    }
    return marked(type, table, args, "") as Args;
}

function marked(type: string, table: SecretTable | string, value: unknown, path: string): unknown {
    if (isSpreadOutput(value)) {
        throw new Error(
            `${type}: \`${path}\` is an Output that was spread ({ ...output }), which has none of its values; ` +
                "use output.apply((value) => ({ ...value })) instead.",
        );
    }
    if (typeof table !== "object" || isOpaque(value)) {
        return secret(value);
    }
    const inside = value as Record<string, unknown>;
    const changes = entriesIn(table, inside).map(({ key, inner, of }) => [
        key,
        marked(type, of, inner, path === "" ? key : `${path}.${key}`),
    ]);
    return { ...inside, ...(Object.fromEntries(changes) as object) };
}

/** Whether the value is something else than an object that can be looked into now. */
function isOpaque(value: unknown): boolean {
    return (
        typeof value !== "object" ||
        value === null ||
        Array.isArray(value) ||
        value instanceof Promise ||
        (Output.isInstance(value) && !isSpreadOutput(value)) ||
        Resource.isInstance(value)
    );
}

/** The methods of an Output without what makes them work. */
function isSpreadOutput(value: unknown): boolean {
    return Output.isInstance(value) && Object.getPrototypeOf(value) === Object.prototype;
}
