import { Output, secret } from "@pulumi/pulumi";
import type { AppConsistentSnapshotArgs } from "./appConsistentSnapshot";

type Change = (value: unknown) => unknown;

const secretScript: Change = changing({ script: secret });
const secretTarget = { password: secret, privateKey: secret, privateKeyPassword: secret };
const secretQuiesce: Change = changing({
    connection: changing({ ...secretTarget, proxy: changing(secretTarget) }),
    scripts: changing({ preFreeze: secretScript, postThaw: secretScript }),
    environment: (values) => changing(Object.fromEntries(keysOf(values).map((key) => [key, secret])))(values),
});

/**
 * The inputs with every secret marked, leaf by leaf: an object that is secret as a whole would be one unknown at
 * preview, and nothing of it could be checked.
 */
export function secretLeaves(args: AppConsistentSnapshotArgs): AppConsistentSnapshotArgs {
    return changing({ quiesce: secretQuiesce })(args) as AppConsistentSnapshotArgs;
}

/** Changes the properties that are there. What is no plain object, callers without types see to that, stays as it is. */
function changing(changes: Record<string, Change>): Change {
    return (value) => {
        if (!isPlain(value)) {
            return value;
        }
        const present = Object.entries(changes).filter(([key]) => value[key] !== undefined);
        return { ...value, ...Object.fromEntries(present.map(([key, change]) => [key, change(value[key])])) };
    };
}

function keysOf(value: unknown): string[] {
    return isPlain(value) ? Object.keys(value) : [];
}

function isPlain(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !Output.isInstance(value);
}
