import type { RestoreChaosLab } from "./lab";
import { type Plan, planOf } from "./plan";
import { runBelow } from "./runBelow";
import { runByEngine } from "./runByEngine";
import { wrongNow, wrongThen } from "./verdict";

export interface RestoreChaosResult {
    readonly plan: Plan;
    /** Whether there was something to strike at that moment. */
    readonly struck: boolean;
    readonly outcome: string;
    /** What does not hold; empty when all does. */
    readonly problems: readonly string[];
    readonly seconds: number;
}

/** One restore test in which one thing goes wrong, all that must hold afterwards, and the next run. */
export async function runRestoreSeed(lab: RestoreChaosLab, seed: number): Promise<RestoreChaosResult> {
    const began = performance.now();
    const plan = planOf(seed);
    const { fault } = plan;
    await lab.scene.reset();
    await lab.prepare(plan);
    const armed =
        fault.kind === "cloud"
            ? await lab.cloud.fault(fault.operation, fault.spec, {
                  skip: fault.skip,
                  times: fault.times,
                  accessKeyId: lab.cloud.accessKeyId,
              })
            : undefined;
    const ended = await (plan.byEngine ? runByEngine(lab, plan) : runBelow(lab, plan));
    const met = await armed?.reached({ limitMs: 1 }).then(
        () => true,
        () => false,
    );
    const struck = met ?? ended.struck;
    await lab.restore();
    const { outcome } = ended;
    const problems = [
        ...ended.problems,
        ...(outcome === undefined ? [] : await wrongNow(lab, plan, outcome)),
        ...(await ended.next()),
        ...(await wrongThen(lab)),
    ];
    if (!struck && plan.copy === "sound" && outcome?.state?.passed !== true) {
        problems.push(`nothing was struck, and it did not pass: ${outcome?.error?.message ?? "killed"}`);
    }
    return {
        plan,
        struck,
        outcome: outcome === undefined ? "killed" : (codeIn(outcome.error?.message) ?? "passed"),
        problems,
        seconds: (performance.now() - began) / 1000,
    };
}

function codeIn(message: string | undefined): string | undefined {
    return message === undefined ? undefined : (/\b[A-Z]{3,}(_[A-Z]+)+\b/.exec(message)?.[0] ?? "failed");
}
