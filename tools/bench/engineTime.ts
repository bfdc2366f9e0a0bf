import { succeeded } from "../../lab/engine/e2e";
import type { EngineResult, Operation, Project } from "../../lab/engine/project";

const LIMIT_MS = 1_200_000;

/** How long an operation takes that succeeds. Milliseconds. @param look at what it has said, beside the time */
export async function engineTime(
    project: Project,
    operation: Operation,
    look: (result: EngineResult) => void = () => undefined,
): Promise<number> {
    const started = performance.now();
    const result = succeeded(await project[operation]({ limitMs: LIMIT_MS }));
    const tookMs = performance.now() - started;
    look(result);
    return tookMs;
}
