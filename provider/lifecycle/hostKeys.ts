import type { CheckFailure } from "../inputs/checkFailure";
import { checkHostKeysInputs } from "../inputs/check";
import type { HostKeysInputs } from "../inputs/inputs";
import { waitLimit } from "../inputs/timeouts";
import type { Session } from "./session";
import { toState } from "../run/state";

/** Inputs as the engine sends them. */
type Inputs = HostKeysInputs & { __provider?: unknown };
type State = Inputs & { hostKeys: readonly string[] };

export function checkHostKeys(news: Inputs): { inputs: Inputs; failures: CheckFailure[] } {
    const { __provider, ...inputs } = news;
    return { inputs: news, failures: checkHostKeysInputs(inputs) };
}

export function diffHostKeys(olds: State, news: Inputs): { changes: boolean; replaces: string[] } {
    const replaces = olds.instanceId === news.instanceId ? [] : ["instanceId"];
    return { changes: replaces.length > 0, replaces };
}

/** The keys roll off the console in time: they are read once and kept, wherever they come from. */
export async function createHostKeys(session: Session, inputs: Inputs): Promise<{ id: string; outs: State }> {
    const { readHostKeys } =
        inputs.source === "systems-manager"
            ? await import("../aws/agentHostKeys.js")
            : await import("../aws/consoleHostKeys.js");
    const clients = await session.clients(inputs.aws);
    const hostKeys = await session.interruptible((signal) =>
        readHostKeys(clients, inputs.instanceId, {
            deadline: performance.now() + (inputs.timeouts?.wait ?? waitLimit.usual) * 1000,
            log: session.logOf(inputs),
            signal,
        }),
    );
    return { id: inputs.instanceId, outs: toState({ ...inputs, hostKeys }) };
}

/** Nothing of it can change but how the keys are read, which matters no more. */
export function updateHostKeys(_id: string, olds: State, news: Inputs): { outs: State } {
    return { outs: toState({ ...olds, ...news }) };
}
