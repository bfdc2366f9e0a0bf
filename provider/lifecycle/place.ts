import { type Clients, accountOf } from "../aws/clients";
import { SnapshotError } from "../base/errors";
import type { SnapshotInputs } from "../inputs/inputs";
import type { State } from "./stackKnowledge";

/** The region of the snapshots, whatever the configuration says by now. */
export function placeOf(state: Partial<State>): SnapshotInputs["aws"] {
    const region = state.instance?.region;
    return { ...state.aws, ...(region === undefined ? {} : { region }) };
}

/** A snapshot that is not found in the wrong account is not gone. */
export async function assertSamePlace(
    clients: Clients,
    state: Partial<State>,
    signal: AbortSignal,
): Promise<void> {
    const { instance } = state;
    if (instance === undefined) {
        return;
    }
    const context = { instanceId: instance.instanceId, state: "nothing was changed." };
    if (clients.region !== instance.region) {
        throw new SnapshotError(
            {
                code: "WRONG_REGION",
                message: `The snapshots are in ${instance.region}, but the settings name ${clients.region}.`,
                remedy: "Set the region back. To take snapshots in another region, remove this resource and add a new one.",
            },
            context,
        );
    }
    const accountId = await accountOf(clients, signal);
    if (accountId !== instance.accountId) {
        throw new SnapshotError(
            {
                code: "WRONG_ACCOUNT",
                message: `The snapshots are in account ${instance.accountId}, but the credentials are of ${accountId}.`,
                remedy: "Use credentials of the account that the snapshots are in.",
            },
            context,
        );
    }
}
