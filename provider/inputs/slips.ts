/** A text that a slip in the program has made, wherever it stands. */
interface Slip {
    readonly path: readonly PropertyKey[];
    readonly reason: string;
}

const SLIPS: readonly { readonly when: RegExp; readonly reason: string }[] = [
    {
        // What an Output is as a text (@pulumi/pulumi, output.ts).
        when: /Calling \[to(?:String|JSON)\] on an \[Output<T>\] is not supported/,
        reason:
            "has an Output in it that was put into a string, and so lost its value; give the Output itself, " +
            "or pulumi.interpolate`...${output}...`",
    },
    {
        when: /\[object Promise\]/,
        reason: "has a Promise in it that was put into a string, and so lost its value; await it first",
    },
    {
        when: /^\[object (?!Promise)\w+\]$/,
        reason:
            'is "[object Object]", because an object was put into a string; give the property of it that is meant, ' +
            "such as .id, .privateIp or .privateKeyOpenssh",
    },
];

/** All of them in a value. None is quoted. */
export function findSlips(value: unknown, path: readonly PropertyKey[] = []): Slip[] {
    if (typeof value === "string") {
        const slip = SLIPS.find(({ when }) => when.test(value));
        return slip === undefined ? [] : [{ path, reason: slip.reason }];
    }
    if (typeof value !== "object" || value === null) {
        return [];
    }
    return Object.entries(value).flatMap(([key, inner]) =>
        findSlips(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    );
}
