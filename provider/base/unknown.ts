/** What the engine passes for a value that is not known before `up` (sdk/nodejs/runtime/rpc.ts, `unknownValue`). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isUnknown(value: unknown): boolean {
    return value === UNKNOWN;
}

/** Whether the value, or anything inside it, is unknown. */
export function containsUnknown(value: unknown): boolean {
    if (typeof value !== "object" || value === null) {
        return isUnknown(value);
    }
    return Object.values(value).some(containsUnknown);
}
