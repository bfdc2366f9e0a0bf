import { createHash } from "node:crypto";
import { awsAccess } from "../aws/awsAccess";
import { cannotBeFrozen, findInstance, type Source } from "../aws/instance";
import type { Clients } from "../aws/clients";
import { type HooksQuiesce, minimumLevelOf } from "../inputs/inputs";
import { timeoutsOf } from "../inputs/timeouts";
import type { Run } from "./run";
import { setRequest } from "./setRequest";
import { type HooksSettings, hooks } from "../quiesce/hooks/hooks";
import { none } from "../quiesce/none";
import type { Quiescer } from "../quiesce/quiescer";
import { timing } from "../base/timing";
import { vss } from "../quiesce/vss/vss";

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
            return none();
    }
}

/**
 * The quiescer that wakes an instance which an earlier run may have left frozen: only scripts can leave one so.
 * `frozenBootId`: the host's boot id when it was frozen, by which it is known again.
 */
export function chooseHealer(run: Omit<Run, "known" | "healed" | "shared">, frozenBootId?: string): Quiescer {
    const { quiesce } = run.inputs;
    const settings = { ...run, healed: new Set<string>() };
    return quiesce.method === "hooks"
        ? hooks({ ...hooksSettings(settings, quiesce, { state: "running", excluded: [] }), frozenBootId })
        : none();
}

function hooksSettings(
    run: Omit<Run, "known" | "shared">,
    quiesce: HooksQuiesce,
    { state, startedAt, excluded }: Pick<Source, "state" | "startedAt" | "excluded">,
): HooksSettings {
    const { executionId, inputs, clients, healed, log, signal } = run;
    const { instanceId, owner, confirmAwake = "" } = inputs;
    return {
        executionId,
        instanceId,
        state,
        quiesce,
        timeouts: timeoutsOf(inputs),
        minimumLevel: minimumLevelOf(inputs),
        excluded,
        confirmedAwake: confirmAwake,
        owner: owner === undefined ? "" : digest(owner),
        isYoung: () => startedAt !== undefined && clients.clock.now() - startedAt < timing.youngMs,
        isDown: () => isDown(clients, instanceId),
        onHealed: (earlier) => healed.add(earlier),
        aws: awsAccess(clients),
        log,
        signal,
    };
}

/** Short, and of letters and digits alone, as the guard takes it. */
function digest(owner: string): string {
    return createHash("sha256").update(owner).digest("hex").slice(0, 32);
}

const ASK_LIMIT_MS = 30_000;

/** Whether EC2 says that nothing can run on the instance, and so nothing be frozen. */
export async function isDown(clients: Clients, instanceId: string): Promise<boolean> {
    const instance = await findInstance(clients, instanceId, AbortSignal.timeout(ASK_LIMIT_MS));
    return cannotBeFrozen(instance?.State?.Name);
}
