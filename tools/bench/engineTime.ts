import { succeeded } from "../../lab/engine/e2e";
import type { Operation, Project } from "../../lab/engine/project";

const LIMIT_MS = 1_200_000;

/** How long an operation takes that succeeds. Milliseconds. */
export async function engineTime(project: Project, operation: Operation): Promise<number> {
    const started = performance.now();
    succeeded(await project[operation]({ limitMs: LIMIT_MS }));
    return performance.now() - started;
}
