import { type Failure, failureOf } from "../base/errors";
import { chooseQuiescer } from "./chooseQuiescer";
import { endInPlainSet, failedPreconditions } from "./preconditions";
import type { Run } from "./run";
import { sourceOf } from "./sourceOf";

export interface Preflight {
    readonly failures: readonly Failure[];
    /** `up` takes a set all the same, a plain one. */
    readonly endsInPlainSet: boolean;
}

/** All that stands against the run, found out without touching anything. */
export async function preflight(run: Run): Promise<Preflight> {
    const failures = await lookAt(run);
    return { failures, endsInPlainSet: endInPlainSet(run.inputs, failures) };
}

async function lookAt(run: Run): Promise<Failure[]> {
    try {
        const source = await sourceOf(run);
        const quiescer = chooseQuiescer(run, source);
        try {
            return await failedPreconditions(run, source, quiescer);
        } finally {
            await quiescer.close();
        }
    } catch (error) {
        return [run.signal.aborted ? tooLong : failureOf(error)];
    }
}

const tooLong: Failure = {
    code: "PRECONDITION_FAILED",
    message: "The preflight could not look at everything in the 60 s that it has.",
    remedy: "See in the lines before what it waited for, and check whether the instance or AWS is busy.",
};
