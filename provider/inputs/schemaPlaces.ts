import type { z } from "zod";
import { hiddenInputs, nearest } from "./inputs";
import { type Path, pathText, valueAt } from "./propertyPath";

type Inputs = Readonly<Record<string, unknown>>;

/** Other programs' names of inputs. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
    address: "host",
    hostname: "host",
    username: "user",
    bastion: "proxy",
    jumphost: "proxy",
    passphrase: "privateKeyPassword",
    identityfile: "privateKey",
    ami: "imageId",
    securitygroups: "vpcSecurityGroupIds",
    securitygroupids: "vpcSecurityGroupIds",
};

/** Where an input belongs that stands in a wrong place, or what it may have been meant to be. */
export function placeText(schema: z.ZodType, inputs: Inputs, path: Path, key: string): string {
    const known = knownKeys(schema, inputs, path);
    const foreign = FOREIGN_NAMES[key.toLowerCase()] ?? "";
    const meant = nearest(key, known) ?? (known.includes(foreign) ? foreign : undefined);
    if (meant !== undefined) {
        return `; did you mean "${meant}"?`;
    }
    const place = placeOf(schema, inputs, key);
    if (place === undefined) {
        return `; the inputs here are ${known.join(", ")}`;
    }
    const here = pathText([...path, key]) === pathText(place.path);
    if (here) {
        return ` here; it belongs to method: "${place.method ?? ""}"`;
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
export function knownKeys(schema: z.ZodType, inputs: Inputs, path: Path): string[] {
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
