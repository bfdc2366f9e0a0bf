/** The keys that lead to a property. */
export type Path = readonly PropertyKey[];

/** The value there; undefined where the path leads nowhere. */
export function valueAt(value: unknown, path: Path): unknown {
    return path.reduce<unknown>(
        (here, key) => (here as Record<PropertyKey, unknown> | null | undefined)?.[key],
        value,
    );
}

/** As Pulumi writes a property's path. */
export function pathText(path: Path): string {
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
