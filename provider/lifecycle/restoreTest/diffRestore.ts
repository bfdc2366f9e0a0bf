import { effectiveTriggers } from "../../inputs/inputs";
import type { DiffResult } from "../diff";
import { same } from "../same";
import type { Session } from "../session";
import type { RestoreOutputs, RestoreRequest } from "./restoreOutputs";

/** What a change of the inputs means. */
export function diffRestore(session: Session, olds: RestoreOutputs, news: RestoreRequest): DiffResult {
    const result = restoreDiffOf(olds, news);
    if (result.replaces.length > 0) {
        session.logOf(news)(`a new test is due: ${result.replaces.map(whyOf).join(", ")}`);
    }
    return result;
}

function whyOf(property: string): string {
    return property === "passed" ? "the last one failed" : `${property} changed`;
}

/**
 * Another image, and another list of triggers, is tested anew; so is what has failed. How the copy is launched, reached and
 * looked at is used at the next test. A copy that is left is terminated by `update`.
 */
export function restoreDiffOf(olds: RestoreOutputs, news: RestoreRequest): DiffResult {
    const triggers = effectiveTriggers(news.triggers);
    const changed: Record<string, boolean> = {
        imageId: !same(olds.imageId, news.imageId),
        launchTemplate: !same(olds.launchTemplate, news.launchTemplate),
        triggers: triggers !== undefined && !same(triggers, effectiveTriggers(olds.triggers)),
        passed: !olds.passed,
    };
    const replaces = Object.keys(changed).filter((key) => changed[key]);
    return { changes: replaces.length > 0 || olds.left || !same(olds.aws, news.aws), replaces };
}
