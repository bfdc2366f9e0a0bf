import { isDeepStrictEqual } from "node:util";

/** Compares values as they come from the protocol: without undefined, keys in any order. */
export function same(a: unknown, b: unknown): boolean {
    const plain = (value: unknown): unknown =>
        value === undefined ? undefined : JSON.parse(JSON.stringify(value));
    return isDeepStrictEqual(plain(a), plain(b));
}
