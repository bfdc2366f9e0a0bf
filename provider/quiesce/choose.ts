import { cannotBeFrozen, findInstance, type Source } from "../aws/instance";
import type { Clients } from "../aws/clients";
import { minimumLevelOf, timeoutsOf } from "../inputs";
import type { Run } from "../run";
import { hooks } from "./hooks";
import { none } from "./none";
import type { Quiescer } from "./quiescer";

/** The quiescer for a run. */
export function chooseQuiescer(run: Run, source: Source): Quiescer {
    return quiescerFor(run, source.state, source);
}

/** The quiescer that wakes an instance which an earlier run may have left frozen. */
export function chooseHealer(run: Omit<Run, "known">): Quiescer {
    return quiescerFor(run, "running", { excluded: [] });
}

function quiescerFor(
    run: Omit<Run, "known">,
    state: string,
    { excluded }: Pick<Source, "excluded">,
): Quiescer {
    const { executionId, inputs, clients, log, signal } = run;
    const { quiesce, instanceId } = inputs;
    switch (quiesce.method) {
        case "none":
            return none(signal);
        case "hooks":
            return hooks({
                executionId,
                instanceId,
                state,
                quiesce,
                timeouts: timeoutsOf(inputs),
                minimumLevel: minimumLevelOf(inputs),
                excluded,
                isDown: () => isDown(clients, instanceId),
                log,
                signal,
            });
    }
}

const ASK_LIMIT_MS = 30_000;

/** Whether EC2 says that nothing can run on the instance, and so nothing be frozen. */
export async function isDown(clients: Clients, instanceId: string): Promise<boolean> {
    const instance = await findInstance(clients, instanceId, AbortSignal.timeout(ASK_LIMIT_MS));
    return cannotBeFrozen(instance?.State?.Name);
}
