import type { RestoreOutcome } from "../../lab/scenes/restoreScene";
import type { RestoreChaosLab } from "./lab";
import type { Plan } from "./plan";

/** What must hold as soon as a run has told how it ended. */
export async function wrongNow(
    lab: RestoreChaosLab,
    plan: Plan,
    { state, error }: Pick<RestoreOutcome, "state" | "error">,
): Promise<string[]> {
    const problems: string[] = [];
    const text = error?.message ?? "";
    const { instances, volumes } = await lab.left();
    const executions = await lab.executionsOf(instances);
    instances.forEach((instanceId, index) => {
        if (!text.includes(instanceId) && !text.includes(`=${executions[index] ?? "?"}`)) {
            problems.push(`${instanceId} runs, and nobody says so: ${text || "it succeeded"}`);
        } else if (!/MAY STILL RUN|AND RUNS|what is left of it the next run deletes/.test(text)) {
            problems.push(`${instanceId} runs, and is called terminated: ${text}`);
        }
    });
    if (instances.length === 0 && volumes.length > 0 && !/MAY STILL RUN|the next run deletes/.test(text)) {
        problems.push(`${volumes.join(", ")} are there, and nobody says so: ${text || "it succeeded"}`);
    }
    return [...problems, ...falselyPassed(lab, plan, state ?? error?.properties)];
}

export function falselyPassed(
    lab: RestoreChaosLab,
    plan: Plan,
    state: { readonly passed?: unknown } | undefined,
): string[] {
    return state?.passed === true && !lab.isProven(plan)
        ? ["it is said to have passed, and its script did not end well"]
        : [];
}

/** What must hold after the next run. */
export async function wrongThen({ scene }: RestoreChaosLab): Promise<string[]> {
    return await scene.assertNothingLeft().then(
        () => [],
        (error: unknown) => [`after the next run: ${String(error)}`],
    );
}
