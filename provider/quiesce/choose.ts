import type { Source } from "../aws/instance";
import { SnapshotError } from "../errors";
import type { SnapshotInputs } from "../inputs";
import type { Run } from "../run";
import { none } from "./none";
import type { Quiescer } from "./quiescer";

export function chooseQuiescer(run: Run, source: Source): Quiescer {
    return none(run.signal);
}
export function chooseHealer(instanceId: string, inputs: SnapshotInputs, log: (line: string) => void, signal: AbortSignal): Quiescer { return none(signal); }
