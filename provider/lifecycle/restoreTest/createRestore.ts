import { newExecutionId } from "../../base/executionId";
import { RecordedError } from "../../run/restore/restoreRun";
import { testRestore } from "../../run/restore/testRestore";
import { reporting } from "../result";
import type { Session } from "../session";
import { type RestoreOutputs, type RestoreRequest, restoreOutputs } from "./restoreOutputs";

/**
 * Tests whether a copy comes up.
 * @throws Error with the state to save (an "init error") when the test failed, or a copy is left; SnapshotError when there
 * was none to test
 */
export async function createRestore(
    session: Session,
    inputs: RestoreRequest,
): Promise<{ id: string; outs: RestoreOutputs }> {
    const id = newExecutionId();
    const recorded = (error: unknown) =>
        error instanceof RecordedError ? restoreOutputs(inputs, error.state) : undefined;
    return await reporting(id, recorded, async () => {
        const clients = await session.clients(inputs.aws);
        const log = session.logOf(inputs);
        const state = await session.interruptible((signal) =>
            testRestore({ executionId: id, inputs, clients, log, signal }),
        );
        return { id, outs: restoreOutputs(inputs, state) };
    });
}
