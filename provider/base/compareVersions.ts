/** Compares versions number by number: negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
    const left = a.split(".").map(Number);
    const right = b.split(".").map(Number);
    const differences = Array.from(
        { length: Math.max(left.length, right.length) },
        (_, index) => (left[index] ?? 0) - (right[index] ?? 0),
    );
    return differences.find((difference) => difference !== 0) ?? 0;
}
