import { type Failure, failureOf } from "../base/errors";
import { chooseQuiescer } from "./chooseQuiescer";
import { failedPreconditions } from "./preconditions";
import type { Run } from "./run";
import { sourceOf } from "./sourceOf";

/** All that stands against the run, found out without touching anything. */
export async function preflight(run: Run): Promise<Failure[]> {
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
