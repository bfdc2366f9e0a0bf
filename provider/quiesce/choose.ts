import { cannotBeFrozen, findInstance, type Source } from "../aws/instance";
import type { Clients } from "../aws/clients";
import { type HooksQuiesce, minimumLevelOf, timeoutsOf } from "../inputs";
import type { Run } from "../run";
import { setRequest } from "../setRequest";
import { type HooksSettings, hooks } from "./hooks";
import { none } from "./none";
import type { Quiescer } from "./quiescer";
import { vss } from "./vss";

/** The quiescer for a run. */
export function chooseQuiescer(run: Run, source: Source): Quiescer {
    const { quiesce } = run.inputs;
    switch (quiesce.method) {
        case "hooks":
            return hooks(hooksSettings(run, quiesce, source));
        case "vss":
            return vss({
                ...run,
                source,
                quiesce,
                set: () => setRequest(run, source),
                timeouts: timeoutsOf(run.inputs),
            });
        case "none":
            return none(run.signal);
    }
}

/**
 * The quiescer that wakes an instance which an earlier run may have left frozen: only scripts can leave one so.
 * `frozenBootId`: the host's boot id when it was frozen, by which it is known again.
 */
export function chooseHealer(run: Omit<Run, "known">, frozenBootId?: string): Quiescer {
    const { quiesce } = run.inputs;
    return quiesce.method === "hooks"
        ? hooks({ ...hooksSettings(run, quiesce, { state: "running", excluded: [] }), frozenBootId })
        : none(run.signal);
}

function hooksSettings(
    run: Omit<Run, "known">,
    quiesce: HooksQuiesce,
    { state, excluded }: Pick<Source, "state" | "excluded">,
): HooksSettings {
    const { executionId, inputs, clients, log, signal } = run;
    const { instanceId } = inputs;
    return {
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
    };
}

const ASK_LIMIT_MS = 30_000;

/** Whether EC2 says that nothing can run on the instance, and so nothing be frozen. */
export async function isDown(clients: Clients, instanceId: string): Promise<boolean> {
    const instance = await findInstance(clients, instanceId, AbortSignal.timeout(ASK_LIMIT_MS));
    return cannotBeFrozen(instance?.State?.Name);
}
