import { Output, Resource, secret } from "@pulumi/pulumi";
import { type SecretTable, entriesIn, secretTable } from "../base/secretTable";

/**
 * The inputs with every secret marked, leaf by leaf. An object that is secret as a whole would be one unknown value at
 * preview, and nothing of it could be checked. Where the program has an Output, a Promise or anything else in the place
 * of such an object, the whole of it is marked, because its leaves cannot be told apart here. So is what is no input: it
 * may be one of these objects under a wrong name or in a wrong place, and Pulumi prints the value of what is refused.
 *
 * @param known names of the inputs
 * @param table where they hold secrets
 */
export function secretLeaves<Args extends object>(
    args: Args,
    known: readonly string[],
    table: SecretTable = secretTable,
): Args {
    const strangers = Object.entries(args as Record<string, unknown>).filter(
        ([key, value]) => !known.includes(key) && value !== undefined && value !== null,
    );
    const unseen = Object.fromEntries(strangers.map(([key, value]) => [key, secret(value)])) as object;
    return { ...(marked(table, args) as Args), ...unseen };
}

function marked(table: SecretTable | string, value: unknown): unknown {
    if (typeof table !== "object" || isOpaque(value)) {
        return secret(value);
    }
    const inside = value as Record<string, unknown>;
    const changes = entriesIn(table, inside).map(({ key, inner, of }) => [key, marked(of, inner)]);
    return { ...inside, ...(Object.fromEntries(changes) as object) };
}

/** Whether the value is something else than an object that can be looked into now. */
function isOpaque(value: unknown): boolean {
    return (
        typeof value !== "object" ||
        value === null ||
        Array.isArray(value) ||
        value instanceof Promise ||
        Output.isInstance(value) ||
        Resource.isInstance(value)
    );
}
