import { removeCopy } from "../../run/restore/removeCopy";
import { assertSamePlace, placeOf } from "../place";
import type { Session } from "../session";
import type { RestoreOutputs } from "./restoreOutputs";

/** Terminates a copy that was kept, or left. Of all others nothing is there. */
export async function deleteRestore(session: Session, id: string, olds: RestoreOutputs): Promise<void> {
    if (olds.left) {
        await removeLeft(session, id, olds, olds.aws);
    }
}

/** @throws SnapshotError when it cannot be terminated, or the credentials are of another account */
export async function removeLeft(
    session: Session,
    id: string,
    olds: RestoreOutputs,
    aws: RestoreOutputs["aws"],
): Promise<void> {
    const { instanceId, region, accountId } = olds;
    const placed = { instance: { instanceId, region, accountId }, aws };
    const clients = await session.clients(placeOf(placed));
    const log = session.logOf(olds);
    await session.interruptible(async (signal) => {
        await assertSamePlace(clients, placed, signal, "copy is");
        log(`terminating the copy ${instanceId}, which an earlier run has left`);
        await removeCopy({ clients, executionId: id, log, signal }, instanceId);
    });
}
