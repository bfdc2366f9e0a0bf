import { restoreSecretTable } from "../../base/secretTable";
import { isUnknown } from "../../base/unknown";
import type { CheckFailure } from "../../inputs/checkFailure";
import { checkRestoreInputs, isSourceUnknown } from "../../inputs/checkRestore";
import { restoreTimeoutsOf, sourceText } from "../../inputs/restoreInputs";
import { sayUnchecked } from "../checkSnapshot";
import type { Session } from "../session";
import type { RestoreRequest } from "./restoreOutputs";

/** Every bad input by its property path. Touches nothing. */
export function checkRestore(
    session: Session,
    news: RestoreRequest,
    olds: object = {},
): { inputs: RestoreRequest; failures: CheckFailure[] } {
    const { __provider, previewing, ...inputs } = news;
    sayUnchecked(session, inputs, restoreSecretTable);
    const failures = checkRestoreInputs(inputs);
    // A test that is to be made has no old inputs, in a replacement neither.
    if (failures.length === 0 && previewing === true && Object.keys(olds).length === 0) {
        session.logOf(inputs)(foretold(inputs));
    }
    return { inputs: { ...inputs, ...(__provider === undefined ? {} : { __provider }) }, failures };
}

/** What a preview says of a test that `up` would make. */
function foretold(inputs: RestoreRequest): string {
    const source = isSourceUnknown(inputs) ? "an image that is not known yet" : sourceText(inputs);
    const { boot, verify } = isUnknown(inputs.timeouts)
        ? { boot: "?", verify: "?" }
        : restoreTimeoutsOf(inputs);
    const limit = (seconds: unknown) =>
        isUnknown(seconds) || seconds === "?" ? "an unknown time" : `${String(seconds)} s`;
    return (
        `\`pulumi up\` will launch a copy of ${source}, wait for it for ${limit(boot)} and run the verify script for ` +
        `${limit(verify)} at most, and terminate it`
    );
}
