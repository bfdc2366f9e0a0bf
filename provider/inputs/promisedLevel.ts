import type { ConsistencyLevel } from "../base/evidence";

/**
 * The level that a way of quiescing promises: the most that a set can reach, and the default of `minimumLevel`. Of what
 * is given, whatever it is, so that a bad value elsewhere does not hide it; undefined for no way at all.
 */
export function promisedLevel(quiesce: unknown): ConsistencyLevel | undefined {
    const { method, scripts, noWriters } = fieldsOf(quiesce);
    switch (method) {
        case "hooks":
            return fieldsOf(scripts)["level"] === "filesystem" ? "filesystem" : "application";
        case "vss":
            return noWriters === true ? "filesystem" : "application";
        case "none":
            return "crash";
        default:
            return undefined;
    }
}

function fieldsOf(value: unknown): Record<string, unknown> {
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
