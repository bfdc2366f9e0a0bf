import type { Log } from "../base/log";
import type { Clients } from "../aws/clients";
import { findHealers } from "../aws/healers";
import { SnapshotError } from "../base/errors";
import { heal } from "./heal";
import { isDown } from "../run/chooseQuiescer";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";
import { thawByHandLater } from "../quiesce/hooks/thawPending";

interface Asking {
    readonly clients: Clients;
    readonly session: Session;
    readonly log: Log;
    /** What the session knows the resource by. Default: its URN. */
    readonly knownAs?: string;
}

const ASK_LIMIT_MS = 60_000;

/**
 * With the state goes all that is known of a freeze: it may go only when the instance is awake. The state itself does
 * not know when a later run has healed it: then this process does, or EC2, or the host.
 * @throws SnapshotError `THAW_PENDING`
 */
export async function assertAwake(id: string, state: State, asking: Asking): Promise<void> {
    if (!state.thawPending || (await isOver(id, state, asking))) {
        return;
    }
    const inputs = asking.session.stack.inputsOf(asking.knownAs ?? state.owner);
    if (inputs === undefined) {
        throw refusal(id, state);
    }
    const { clients, log } = asking;
    try {
        await asking.session.interruptible((signal) => heal(id, state, { inputs, clients, log, signal }));
    } catch (error) {
        throw error instanceof SnapshotError ? nothingDeleted(error) : error;
    }
}

/** Whether somebody who need not ask the host knows that the freeze is over. */
async function isOver(
    id: string,
    { instanceId }: State,
    { clients, session: { stack } }: Asking,
): Promise<boolean> {
    if (stack.isHealed(id) || (await isDown(clients, instanceId))) {
        return true;
    }
    const healers = await findHealers(clients, id, instanceId, AbortSignal.timeout(ASK_LIMIT_MS));
    // The successor says so by its tags, or, while these are being deleted, by its state.
    return healers.length > 0 || stack.isHealed(id);
}

/** Said plainly: what is thrown with a state would be saved as that of another call than this. */
function nothingDeleted({ failure, context }: SnapshotError): SnapshotError {
    return new SnapshotError(failure, {
        ...context,
        state: "THE INSTANCE MAY STILL BE FROZEN; nothing was deleted.",
    });
}

function refusal(id: string, { instanceId }: State): SnapshotError {
    return nothingDeleted(
        new SnapshotError(
            {
                code: "THAW_PENDING",
                message: `${id} may have left the instance frozen, and deleting the resource would forget that.`,
                remedy:
                    "Run `pulumi up` with the resource in the program, which thaws the instance. If post-thaw fails, mend it " +
                    `first, in the program or on the instance. Or ${thawByHandLater(id)}, and run that \`pulumi up\` with ` +
                    `confirmAwake: "${id}". A reboot of the instance ends a freeze as well; \`pulumi up\` then sees it.`,
            },
            { instanceId },
        ),
    );
}
