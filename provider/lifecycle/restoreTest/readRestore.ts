import { isCopyThere } from "../../aws/copies";
import { SnapshotError, messageOf } from "../../base/errors";
import { nameOf, othersOf } from "../../run/restore/reapCopies";
import { toState } from "../../run/state";
import { assertSamePlace, placeOf } from "../place";
import type { Session } from "../session";
import type { RestoreOutputs } from "./restoreOutputs";

const LIMIT_MS = 120_000;

/**
 * After `pulumi refresh`: notices that somebody has terminated a copy that was left, and that a run which died has left
 * another one, which the next `update` terminates. What a test has seen stays.
 */
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
    return { id, props: toState({ ...olds, left: await isLeft(session, id, olds) }) };
}

function isRecorded(olds: Partial<RestoreOutputs>): olds is RestoreOutputs {
    return olds.passed !== undefined;
}

/** Whether anything of this test's copy, or of those that runs which died have left, is there. */
async function isLeft(session: Session, id: string, olds: RestoreOutputs): Promise<boolean> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const placed = { instance: olds, aws: olds.aws };
    const log = session.logOf(olds);
    const look = async () => {
        const clients = await session.clients(placeOf(placed));
        await assertSamePlace(clients, placed, signal, "copy is");
        const others = await othersOf({ clients, executionId: id, owner: olds.owner, log, signal });
        const dead = others.filter(({ kept }) => !kept);
        for (const copy of dead) {
            log(`warning: ${nameOf(copy)} may be left of a run that died; the next \`pulumi up\` sees to it`);
        }
        return dead.length > 0 || (olds.left && (await isCopyThere(clients, id, olds.instanceId, signal)));
    };
    if (olds.left) {
        return await look();
    }
    return await look().catch((error: unknown) => {
        log(`warning: could not look for what earlier runs left: ${messageOf(error)}`);
        return false;
    });
}
