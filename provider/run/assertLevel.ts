import type { Source } from "../aws/instance";
import { type ProvenLevel, provenLevel, reaches } from "../base/consistency";
import { SnapshotError } from "../base/errors";
import { minimumLevelOf } from "../inputs/inputs";
import type { Capture } from "../quiesce/quiescer";
import { multiAttachRemedy } from "./preconditions";
import type { Run } from "./run";

/** The level that the evidence proves. @throws SnapshotError when it is below the minimum */
export function assertLevel(run: Run, source: Source, { evidence }: Capture): ProvenLevel {
    const level = provenLevel({
        vouchedLevel: evidence.vouchedLevel,
        held: evidence.held,
        ...(evidence.reason === undefined ? {} : { reason: evidence.reason }),
        identityVerified: evidence.identity !== undefined && evidence.identity !== "unverified",
        multiAttached: source.volumes.some((volume) => volume.multiAttached),
        stopped: source.state === "stopped",
    });
    const minimum = minimumLevelOf(run.inputs);
    if (!reaches(level.level, minimum)) {
        throw new SnapshotError({
            code: level.reason ?? "HOLD_UNPROVEN",
            message: `${evidence.message ?? "The level could not be proven."} The set is "${level.level}", below minimumLevel "${minimum}".`,
            remedy: levelRemedy(level.reason, run.inputs.quiesce.method),
        });
    }
    return level;
}

function levelRemedy(reason: ProvenLevel["reason"], method: Run["inputs"]["quiesce"]["method"]): string {
    switch (reason) {
        case "FREEZE_EXPIRED":
            return "Run again. If it happens again, set timeouts.freeze to more than CreateSnapshots takes (evidence.apiMs).";
        case "MULTI_ATTACH":
            return multiAttachRemedy(method);
        default:
            return 'Run again, or set minimumLevel: "crash" to keep such a set.';
    }
}
