import { isGone } from "../../aws/copies";
import { SnapshotError } from "../../base/errors";
import { toState } from "../../run/state";
import { assertSamePlace, placeOf } from "../place";
import type { Session } from "../session";
import type { RestoreOutputs } from "./restoreOutputs";

const LIMIT_MS = 120_000;

/** After `pulumi refresh`: notices that somebody has terminated a copy that was left. What a test has seen stays. */
export async function readRestore(
    session: Session,
    id: string,
    olds: Partial<RestoreOutputs> = {},
): Promise<{ id: string; props: RestoreOutputs }> {
    if (!isRecorded(olds)) {
        throw new SnapshotError({
            code: "INVALID_INPUT",
            message: "A restore test cannot be found by its id, because nothing of it is left in AWS.",
            remedy: "Let a RestoreTest of the program make one.",
        });
    }
    return { id, props: toState({ ...olds, left: olds.left && (await isThere(session, olds)) }) };
}

function isRecorded(olds: Partial<RestoreOutputs>): olds is RestoreOutputs {
    return olds.passed !== undefined;
}

async function isThere(session: Session, olds: RestoreOutputs): Promise<boolean> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const placed = { instance: olds, aws: olds.aws };
    const clients = await session.clients(placeOf(placed));
    await assertSamePlace(clients, placed, signal, "copy is");
    return !(await isGone(clients, olds.instanceId, signal));
}
