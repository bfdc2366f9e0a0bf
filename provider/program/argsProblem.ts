import { Output, Resource, asset } from "@pulumi/pulumi";

/** Names of Pulumi's options, which stand in an argument of their own. */
const OPTIONS: readonly string[] = [
    "aliases",
    "customTimeouts",
    "deleteBeforeReplace",
    "deletedWith",
    "dependsOn",
    "ignoreChanges",
    "import",
    "parent",
    "protect",
    "provider",
    "providers",
    "replaceOnChanges",
    "retainOnDelete",
    "transformations",
    "transforms",
];

/**
 * What Pulumi would not pass on as it was meant, and would say nothing of: a Date becomes `{}`, which is the same every
 * night; a function becomes null. By the path of the argument; undefined when all is well. Of what Outputs and Promises
 * will hold, nothing is known here.
 */
export function argsProblem(args: unknown): string | undefined {
    if (isSpreadOutput(args)) {
        return `its inputs are ${SPREAD}`;
    }
    if (!isPlainObject(args)) {
        return "its inputs must be a plain object, such as { instanceId: ... }; Outputs and Promises may only stand inside of it.";
    }
    const option = Object.keys(args).find((key) => OPTIONS.includes(key));
    if (option !== undefined) {
        return `\`${option}\` is an option of resources, and no input; give it in the argument behind the inputs, { ${option}: ... }.`;
    }
    return problemIn(args, "", []);
}

const SPREAD =
    "an Output that was spread ({ ...output }), which has none of its values; " +
    "use output.apply((value) => ({ ...value })) instead.";

function problemIn(value: unknown, path: string, outer: readonly unknown[]): string | undefined {
    // Of a resource among the triggers, its id is what Pulumi compares.
    const what = path.startsWith("triggers") && Resource.isInstance(value) ? undefined : unpassable(value);
    if (what !== undefined) {
        return `\`${path}\` is ${what}`;
    }
    if (typeof value !== "object" || value === null || isLater(value)) {
        return undefined;
    }
    if (outer.includes(value)) {
        return `\`${path}\` is an object that has itself inside, which cannot be stored.`;
    }
    for (const [key, inner] of Object.entries(value)) {
        const problem = problemIn(inner, pathOf(path, key, Array.isArray(value)), [...outer, value]);
        if (problem !== undefined) {
            return problem;
        }
    }
    return undefined;
}

/** Whether nothing of the value can be looked at now. */
function isLater(value: object): boolean {
    return Output.isInstance(value) || value instanceof Promise || Resource.isInstance(value);
}

function unpassable(value: unknown): string | undefined {
    if (isSpreadOutput(value)) {
        return SPREAD;
    }
    if (typeof value === "function") {
        return "a function; call it, such as recipes.fileSystems([...]).";
    }
    if (typeof value === "bigint" || typeof value === "symbol") {
        return `a ${typeof value}, which cannot be stored; give a string or a number.`;
    }
    if (value instanceof Date) {
        return "a Date, of which nothing would be stored; give a string, such as date.toISOString().";
    }
    if (value instanceof Map || value instanceof Set) {
        return "a Map or a Set, of which nothing would be stored; give a plain object or a list.";
    }
    if (ArrayBuffer.isView(value)) {
        return 'bytes; give a string, such as fs.readFileSync(path, "utf8").';
    }
    if (asset.Asset.isInstance(value) || asset.Archive.isInstance(value)) {
        return 'an Asset; give a string, such as fs.readFileSync(path, "utf8").';
    }
    if (Resource.isInstance(value)) {
        return "a resource; give the output of it that is meant, such as its id.";
    }
    return undefined;
}

function pathOf(path: string, key: string, inList: boolean): string {
    if (inList) {
        return `${path}[${key}]`;
    }
    return path === "" ? key : `${path}.${key}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !isLater(value);
}

/** The methods of an Output without what makes them work. */
function isSpreadOutput(value: unknown): boolean {
    return Output.isInstance(value) && Object.getPrototypeOf(value) === Object.prototype;
}
