import type { Evidence } from "../base/evidence";
import type { SnapshotState } from "./state";

type Judged = Pick<SnapshotState, "consistencyLevel" | "evidence" | "lost">;

/**
 * What is known of a set of which a part is lost, as far as `lost` says so: the rest proves no level any more. With an empty
 * list the set is whole, or whole again (the Recycle Bin gives snapshots back), and has the level that it was taken with.
 */
export function withLoss<T extends Judged>(state: T, lost: readonly string[]): T {
    const whole = state.evidence.takenLevel === undefined ? state : asTaken(state);
    const { consistencyLevel, evidence } = whole;
    // A set that was judged by its tags says so already.
    if (lost.length === 0 || evidence.reason === "SNAPSHOT_LOST") {
        return { ...whole, lost };
    }
    return {
        ...whole,
        lost,
        consistencyLevel: "crash",
        evidence: {
            ...evidence,
            takenLevel: consistencyLevel,
            ...(evidence.reason === undefined ? { reason: "SNAPSHOT_LOST" } : {}),
            message: [lossText(lost), evidence.message ?? ""].join(" ").trimEnd(),
        },
    };
}

function asTaken<T extends Judged>(state: T): T {
    const { takenLevel, reason, message = "", ...evidence } = state.evidence;
    const loss = lossText(state.lost);
    const said = message.startsWith(loss) ? message.slice(loss.length).trimStart() : message;
    return {
        ...state,
        consistencyLevel: takenLevel ?? state.consistencyLevel,
        evidence: {
            ...evidence,
            ...(reason === undefined || reason === "SNAPSHOT_LOST" ? {} : { reason }),
            ...(said === "" ? {} : { message: said }),
        } satisfies Evidence,
    };
}

function lossText(lost: readonly string[]): string {
    return `The set is not whole: ${lost.join("; ")}.`;
}
