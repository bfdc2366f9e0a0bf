// A process of its own that makes one restore test, to be ended. See RestoreProcess.
import type { RestoreInputs } from "../../provider/inputs/restoreInputs";
import { timing } from "../../provider/base/timing";
import { provider } from "../../provider/restoreTestProvider";

/** What the process is started with, as JSON in `RESTORE_ONCE`. */
export interface RestoreOnce {
    readonly inputs: RestoreInputs;
    /** The limits of the one that starts it. */
    readonly timing: typeof timing;
}

/** What it says at its end, after this, as JSON. */
export const RESULT = "result of the restore test: ";

async function once({ inputs, timing: limits }: RestoreOnce): Promise<void> {
    Object.assign(timing, limits);
    await provider.configure?.({ config: { get: () => undefined, require: () => "" } });
    const result = await provider
        .create(inputs)
        .then(({ id, outs }) => ({ id, outs }))
        // What the engine is told of an error, and of a state with it.
        .catch((error: unknown) => {
            const { message, properties } = error as Error & { readonly properties?: unknown };
            return { message, properties };
        });
    console.log(`${RESULT}${JSON.stringify(result)}`);
    process.exitCode = 0;
}

const given = process.env["RESTORE_ONCE"];
if (given !== undefined) {
    void once(JSON.parse(given) as RestoreOnce);
}
