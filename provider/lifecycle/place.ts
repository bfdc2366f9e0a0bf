import { type Clients, accountOf } from "../aws/clients";
import { SnapshotError } from "../base/errors";
import type { InstanceFacts } from "../base/outputs";
import type { SnapshotInputs } from "../inputs/inputs";

/** Of a state, what tells where the resource's things are. */
interface Placed {
    readonly instance?: Pick<InstanceFacts, "instanceId" | "region" | "accountId"> | undefined;
    readonly aws?: SnapshotInputs["aws"];
}

/** The region of the snapshots, whatever the configuration says by now. */
export function placeOf(state: Placed): SnapshotInputs["aws"] {
    const region = state.instance?.region;
    return { ...state.aws, ...(region === undefined ? {} : { region }) };
}

/**
 * A snapshot that is not found in the wrong account is not gone.
 * @param things what the resource has there
 */
export async function assertSamePlace(
    clients: Clients,
    { instance }: Placed,
    signal: AbortSignal,
    things = "snapshots are",
): Promise<void> {
    if (instance === undefined) {
        return;
    }
    const context = { instanceId: instance.instanceId, state: "nothing was changed." };
    if (clients.region !== instance.region) {
        throw new SnapshotError(
            {
                code: "WRONG_REGION",
                message: `The ${things} in ${instance.region}, but the settings name ${clients.region}.`,
                remedy: "Set the region back. To move to another region, remove this resource and add a new one.",
            },
            context,
        );
    }
    const accountId = await accountOf(clients, signal);
    if (accountId !== instance.accountId) {
        throw new SnapshotError(
            {
                code: "WRONG_ACCOUNT",
                message: `The ${things} in account ${instance.accountId}, but the credentials are of ${accountId}.`,
                remedy: `Use credentials of the account that the ${things} in.`,
            },
            context,
        );
    }
}
