import { type Failure, SnapshotError } from "../../base/errors";
import { SshError } from "../../transport/ssh/connection";
import { NoGuard } from "./guardSession";

/** What was thrown on the way to a host's guard, as a failure; undefined for what nobody expects there. */
export function knownFailure(error: unknown): Failure | undefined {
    if (error instanceof SshError) {
        return { code: error.code, message: `${error.message}.`, remedy: `${error.remedy}.` };
    }
    return error instanceof NoGuard || error instanceof SnapshotError ? error.failure : undefined;
}
