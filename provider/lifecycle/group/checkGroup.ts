import { groupSecretTable } from "../../base/secretTable";
import { isUnknown } from "../../base/unknown";
import { checkGroupInputs, ofMember } from "../../inputs/checkGroup";
import type { CheckFailure } from "../../inputs/checkFailure";
import { checkExclusions } from "../checkExclusions";
import { sayUnchecked } from "../checkSnapshot";
import { checkTaken } from "../checkTaken";
import { foretell } from "../foretell";
import type { Session } from "../session";
import { type GroupRequest, inputsOf } from "./members";

/** Every bad input by its property path. Touches nothing. */
export async function checkGroup(
    session: Session,
    news: GroupRequest,
    olds: object = {},
): Promise<{ inputs: GroupRequest; failures: CheckFailure[] }> {
    const { __provider, previewing, ...inputs } = news;
    sayUnchecked(session, inputs, groupSecretTable);
    const failures = [...checkGroupInputs(inputs), ...checkTaken(inputs, olds)];
    // Of sets that are not taken again, the volumes may be gone for long.
    if (failures.length === 0 && inputs.taken !== true && !isUnknown(inputs.members)) {
        const foretold = previewing === true && Object.keys(olds).length === 0;
        const each = Object.keys(inputs.members).map((name) => checkMember(session, inputs, name, foretold));
        failures.push(...(await Promise.all(each)).flat());
    }
    return { inputs: { ...inputs, ...(__provider === undefined ? {} : { __provider }) }, failures };
}

async function checkMember(
    session: Session,
    inputs: GroupRequest,
    name: string,
    foretold: boolean,
): Promise<CheckFailure[]> {
    const member = inputsOf(inputs, name);
    const failures = await checkExclusions(member, (settings) => session.clients(settings));
    if (failures.length === 0 && foretold) {
        failures.push(...(await foretell(session, member)));
    }
    return failures.map((failure) => ofMember(name, failure));
}
