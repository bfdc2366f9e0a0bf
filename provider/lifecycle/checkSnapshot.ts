import { type SecretTable, secretTable, unknownParts } from "../base/secretTable";
import type { CheckFailure } from "../inputs/checkFailure";
import { checkSnapshotInputs } from "../inputs/check";
import { checkExclusions } from "./checkExclusions";
import { foretell } from "./foretell";
import { checkTaken } from "./checkTaken";
import type { Inputs } from "./request";
import type { Session } from "./session";

/** Every bad input by its property path. Touches nothing. */
export async function checkSnapshot(
    session: Session,
    news: Inputs,
    olds: object = {},
): Promise<{ inputs: Inputs; failures: CheckFailure[] }> {
    const { __provider, previewing, ...inputs } = news;
    sayUnchecked(session, inputs);
    const failures = [...checkSnapshotInputs(inputs), ...checkTaken(inputs, olds)];
    // Of a set that is not taken again, the volumes may be gone for long.
    if (failures.length === 0 && inputs.taken !== true) {
        failures.push(...(await checkExclusions(inputs, (settings) => session.clients(settings))));
    }
    // A set that is to be taken has no old inputs, in a replacement neither.
    if (
        failures.length === 0 &&
        previewing === true &&
        inputs.taken !== true &&
        Object.keys(olds).length === 0
    ) {
        failures.push(...(await foretell(session, inputs)));
    }
    return { inputs: { ...inputs, ...(__provider === undefined ? {} : { __provider }) }, failures };
}

/** Says which secret parts of the inputs cannot be checked yet, because one Output stands in their place. */
export function sayUnchecked(
    session: Session,
    inputs: { readonly owner?: string | undefined; readonly instanceId?: string },
    table: SecretTable = secretTable,
): void {
    const parts = unknownParts(inputs, table);
    if (parts.length === 0) {
        return;
    }
    const line =
        `${parts.join(" and ")} ${parts.length === 1 ? "is" : "are"} not known before \`pulumi up\`, and nothing of it ` +
        "was checked: give a plain object with Outputs at its leaves, such as { host: server.privateIp, ... }";
    const once = `${inputs.owner ?? inputs.instanceId ?? ""} ${line}`;
    if (!session.said.has(once)) {
        session.said.add(once);
        session.logOf(inputs)(line);
    }
}
