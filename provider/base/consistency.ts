import type { ReasonCode } from "./errors";
import { type ConsistencyLevel, levels } from "./evidence";

/** All that a level depends on. */
export interface LevelFacts {
    /** What the scripts vouch for; `crash` when nothing was quiesced. */
    readonly vouchedLevel: ConsistencyLevel;
    /** The guard proved that the freeze was held when CreateSnapshots returned. */
    readonly held: boolean;
    /** Why it was not held, or not quiesced at all. */
    readonly reason?: ReasonCode;
    readonly identityVerified: boolean;
    /** A volume of the set is attached to other instances too, which may write to it. */
    readonly multiAttached: boolean;
    /** A forced stop and hibernation look like a clean one. */
    readonly stopped: boolean;
}

export interface ProvenLevel {
    readonly level: ConsistencyLevel;
    /** Why the level is not what was vouched for. */
    readonly reason?: ReasonCode;
}

/** The level that the evidence proves. */
export function provenLevel(facts: LevelFacts): ProvenLevel {
    if (facts.vouchedLevel === "crash" || !facts.held) {
        const reason = facts.reason ?? (facts.stopped ? "STOPPED" : undefined);
        return reason === undefined ? { level: "crash" } : { level: "crash", reason };
    }
    if (facts.stopped) {
        return { level: "crash", reason: "STOPPED" };
    }
    if (facts.multiAttached) {
        return { level: "crash", reason: "MULTI_ATTACH" };
    }
    if (!facts.identityVerified) {
        return { level: "crash", reason: "IDENTITY_UNVERIFIED" };
    }
    return { level: facts.vouchedLevel };
}

/** Whether a level is as good as the minimum. */
export function reaches(level: ConsistencyLevel, minimum: ConsistencyLevel): boolean {
    return levels.indexOf(level) <= levels.indexOf(minimum);
}
