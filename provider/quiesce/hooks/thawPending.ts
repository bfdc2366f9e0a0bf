import type { Failure } from "../../base/errors";
import type { Quiesce } from "../../inputs/inputs";
import { type HookEnd, endText } from "../../base/hookEnd";
import type { PendingFreeze } from "../quiescer";
import { defaultScripts } from "./standardPaths";

/** What is known of a freeze that is not known to be over. */
export interface FreezeFacts {
    readonly executionId: string;
    /** Whether pre-freeze ever said, by its exit code 0, that it had frozen. Undefined: nobody knows any more. */
    readonly saidFrozen: boolean | undefined;
    /** How the last try of post-thaw ended. Undefined: nobody could see it. */
    readonly postThaw: HookEnd | undefined;
    /** How somebody thaws by hand: see `thawByHand`. */
    readonly byHand: string;
    /** What went wrong before it came to thawing. */
    readonly cause?: Omit<Failure, "remedy"> | undefined;
    /** What keeps us from thawing, or from asking whether the instance is awake. */
    readonly obstacle?: Failure | undefined;
}

/** That the instance is awake is not proven: always this code, with all that is known behind it. */
export function thawPending(facts: FreezeFacts): Failure {
    return {
        code: "THAW_PENDING",
        message: [
            "It could not be proven that the instance is awake.",
            preFreezeText(facts.saidFrozen),
            postThawText(facts.postThaw),
            ...[facts.cause, facts.obstacle].map(behind),
        ]
            .filter((text) => text !== undefined)
            .join(" "),
        remedy: thawRemedy(facts),
    };
}

/** The same of a freeze of the present run. */
export function ownThawPending(
    { executionId, inputs }: { readonly executionId: string; readonly inputs: { readonly quiesce: Quiesce } },
    { frozenAt, postThaw, cause, obstacle }: PendingFreeze,
): Failure {
    return thawPending({
        executionId,
        saidFrozen: frozenAt !== undefined,
        postThaw,
        byHand: thawByHand(inputs.quiesce, executionId),
        cause,
        obstacle,
    });
}

/** The ways out, the easiest first. */
function thawRemedy({
    executionId,
    byHand,
    obstacle,
}: Pick<FreezeFacts, "executionId" | "byHand" | "obstacle">): string {
    const again = obstacle === undefined ? "Run again" : `${obstacle.remedy} Then run again`;
    return [
        `${again}, which thaws the instance before anything else.`,
        "If post-thaw fails, mend it first, in the program or on the instance. The next run tries the present one too.",
        `Or ${byHand}, and run again with confirmAwake: "${executionId}".`,
        "A reboot of the instance ends a freeze as well.",
    ].join(" ");
}

/** How somebody who is root on the instance runs post-thaw by hand. `quiesce` is that of the run which froze. */
function thawByHand(quiesce: Quiesce, executionId: string): string {
    const source = quiesce.method === "hooks" ? quiesce.scripts?.postThaw : undefined;
    return source?.script === undefined
        ? `thaw by hand (as root on the instance: ${source?.path ?? defaultScripts.postThaw} thaw)`
        : `thaw by hand (as root on the instance: ${inlineText(executionId)})`;
}

/** The same of an earlier run, of which nobody knows any more how its scripts were given. */
export function thawByHandLater(executionId: string, quiesce?: Quiesce): string {
    const source = quiesce?.method === "hooks" ? quiesce.scripts?.postThaw : undefined;
    const path = source?.path ?? defaultScripts.postThaw;
    return `thaw by hand (as root on the instance: ${path} thaw; where the scripts were given inline, ${inlineText(executionId)})`;
}

function inlineText(executionId: string): string {
    const folder = `/run/app-consistent-snapshot/${executionId}`;
    return `run the text in ${folder}/post with \`thaw\`, in the environment of ${folder}/environment`;
}

function preFreezeText(saidFrozen: boolean | undefined): string | undefined {
    switch (saidFrozen) {
        case true:
            return "Pre-freeze had reported that it froze.";
        case false:
            return "Pre-freeze never reported that it froze, but it may have frozen a part.";
        case undefined:
            return undefined;
    }
}

function postThawText(end: HookEnd | undefined): string {
    return end === undefined ? "How post-thaw ended is not known." : `Post-thaw ${endText(end)}.`;
}

function behind(failure: Omit<Failure, "remedy"> | undefined): string | undefined {
    if (failure === undefined || failure.code === "THAW_PENDING") {
        return failure?.message;
    }
    return `[${failure.code}] ${failure.message}`;
}
