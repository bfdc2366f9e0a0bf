import { toState } from "../../run/state";
import { pick } from "../result";
import type { Session } from "../session";
import { removeLeft } from "./deleteRestore";
import type { RestoreOutputs, RestoreRequest } from "./restoreOutputs";

/** A copy that is left is terminated; credentials change in place. */
export async function updateRestore(
    session: Session,
    id: string,
    olds: RestoreOutputs,
    news: RestoreRequest,
): Promise<{ outs: RestoreOutputs }> {
    if (olds.left) {
        await removeLeft(session, id, olds, news.aws);
    }
    const told = pick(news, ["tags", "aws", "__provider"]);
    return { outs: toState({ ...olds, ...told, left: false }) };
}
