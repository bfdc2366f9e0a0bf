import type { CheckFailure } from "../inputs/checkFailure";
import type { SnapshotInputs } from "../inputs/inputs";

/**
 * A set that an earlier run took is never taken anew, under a name that says when it was: neither when it is gone nor in
 * a replacement. The engine shows either by having no old inputs.
 */
export function checkTaken({ taken }: Pick<SnapshotInputs, "taken">, olds: object): CheckFailure[] {
    if (taken !== true || Object.keys(olds).length > 0) {
        return [];
    }
    return [
        {
            property: "taken",
            reason:
                "this recovery point is not whole any more, and a new set would not be what its label says; " +
                "take its label out of the list: `drop` of recoveryPoints",
        },
    ];
}
