import { SnapshotError } from "../../base/errors";
import { reapCopies } from "../../run/restore/reapCopies";
import { removeCopy } from "../../run/restore/removeCopy";
import { assertSamePlace, placeOf } from "../place";
import type { Session } from "../session";
import type { RestoreOutputs } from "./restoreOutputs";

/**
 * Terminates a copy that was kept, or left; and what other runs of this resource left when they died, because nobody looks
 * for that once the resource is gone.
 * @throws SnapshotError when it cannot be terminated, or the credentials are of another account
 */
export async function deleteRestore(session: Session, id: string, olds: RestoreOutputs): Promise<void> {
    await removeLeft(session, id, olds, olds.aws);
}

/** @throws what `deleteRestore` throws */
export async function removeLeft(
    session: Session,
    id: string,
    olds: RestoreOutputs,
    aws: RestoreOutputs["aws"],
): Promise<void> {
    const { instanceId, region, accountId, owner } = olds;
    const placed = { instance: { instanceId, region, accountId }, aws };
    const clients = await session.clients(placeOf(placed));
    const log = session.logOf(olds);
    await session.interruptible(async (signal) => {
        await assertSamePlace(clients, placed, signal, "copy is");
        if (olds.left) {
            log(`terminating the copy ${instanceId}, unless it is gone already`);
            await removeCopy({ clients, executionId: id, log, signal }, { instanceId });
        }
        const problems = await reapCopies(
            { clients, executionId: id, log, signal, owner },
            { patient: true },
        );
        if (problems.length > 0) {
            throw leftBehind(problems);
        }
    });
}

function leftBehind(problems: readonly string[]): SnapshotError {
    return new SnapshotError({
        code: "COPY_LEFT",
        message: `Earlier runs of this restore test may have left copies: ${problems.join("; ")}.`,
        remedy: "Mend that, and run again, which terminates them.",
    });
}
