import { unknownParts } from "../base/secretTable";
import type { CheckFailure } from "../inputs/checkFailure";
import { checkSnapshotInputs } from "../inputs/check";
import { checkExclusions } from "./checkExclusions";
import { checkTaken } from "./checkTaken";
import { type Inputs, logger } from "./request";
import type { Session } from "./session";

/** Every bad input by its property path. Touches nothing. */
export async function checkSnapshot(
    session: Session,
    news: Inputs,
    olds: object = {},
): Promise<{ inputs: Inputs; failures: CheckFailure[] }> {
    const { __provider, ...inputs } = news;
    sayUnchecked(session, inputs);
    const failures = [...checkSnapshotInputs(inputs), ...checkTaken(inputs, olds)];
    // Of a set that is not taken again, the volumes may be gone for long.
    if (failures.length === 0 && inputs.taken !== true) {
        failures.push(...(await checkExclusions(inputs, (settings) => session.clients(settings))));
    }
    return { inputs: news, failures };
}

function sayUnchecked({ said }: Session, inputs: Inputs): void {
    const parts = unknownParts(inputs);
    if (parts.length === 0) {
        return;
    }
    const line =
        `${parts.join(" and ")} ${parts.length === 1 ? "is" : "are"} not known before \`pulumi up\`, and nothing of it ` +
        "was checked: give a plain object with Outputs at its leaves, such as { host: server.privateIp, ... }";
    const once = `${inputs.owner ?? inputs.instanceId} ${line}`;
    if (!said.has(once)) {
        said.add(once);
        logger(inputs)(line);
    }
}
