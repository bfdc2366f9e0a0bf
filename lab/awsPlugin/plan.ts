import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Properties, ResourceKind } from "./resourceKind";

/** How the engine writes a value that it does not know yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Which inputs were made up here rather than written in the program: the real provider keeps them under this name. */
const DEFAULTS = "__defaults";

export interface Failure {
    readonly property: string;
    readonly reason: string;
}

export interface Difference {
    readonly changed: readonly string[];
    readonly replaces: readonly string[];
    readonly deleteBeforeReplace: boolean;
}

/** The inputs with a name, and what is wrong with them before EC2 is asked. */
export function checkInputs(
    kind: ResourceKind,
    resourceName: string,
    olds: Properties,
    news: Properties,
): { inputs: Properties; failures: Failure[] } {
    const failures = [
        ...Object.keys(news)
            .filter((property) => property !== DEFAULTS && kind.inputs[property] === undefined)
            .map((property) => ({ property, reason: `not served by the test plugin for ${kind.type}` })),
        ...Object.entries(kind.inputs)
            .filter(([property, { required }]) => required && news[property] === undefined)
            .map(([property]) => ({ property, reason: "is required" })),
        ...Object.entries(kind.inputs).flatMap(([property, { fields }]) =>
            fields === undefined ? [] : unknownFields(property, fields, news[property]),
        ),
    ];
    if (!kind.named || news["name"] !== undefined) {
        return { inputs: { ...news, [DEFAULTS]: [] }, failures };
    }
    const made = madeUp(olds) && olds["name"] !== undefined;
    const name = made ? olds["name"] : `${resourceName}-${randomBytes(4).toString("hex").slice(1)}`;
    return { inputs: { ...news, name, [DEFAULTS]: ["name"] }, failures };
}

function unknownFields(property: string, fields: readonly string[], value: unknown): Failure[] {
    const objects = (Array.isArray(value) ? value : [value]).filter(
        (one): one is Properties => typeof one === "object" && one !== null,
    );
    return objects
        .flatMap((one) => Object.keys(one))
        .filter((field) => field !== DEFAULTS && !fields.includes(field))
        .map((field) => ({ property: `${property}.${field}`, reason: "not served by the test plugin" }));
}

function madeUp(inputs: Properties): boolean {
    const names = inputs[DEFAULTS];
    return Array.isArray(names) && names.includes("name");
}

/** Compares inputs with inputs. What is unknown may change. */
export function compare(kind: ResourceKind, oldInputs: Properties, news: Properties): Difference {
    const changed = Object.keys(kind.inputs).filter(
        (property) => !isDeepStrictEqual(oldInputs[property], news[property]),
    );
    const replaces = changed.filter((property) => kind.inputs[property]?.change === "replace");
    // The real provider deletes first where the new resource would have the very name that the old one has.
    const sameName = kind.named && !madeUp(news) && !changed.includes("name");
    return { changed, replaces, deleteBeforeReplace: replaces.length > 0 && sameName };
}
