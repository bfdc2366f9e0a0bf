import { setTimeout as sleep } from "node:timers/promises";
import type { RestoreOutcome } from "../../lab/scenes/restoreScene";
import { type Ended, type RestoreChaosLab, RUN_LIMIT_MS } from "./lab";
import type { Plan } from "./plan";
import { strike, type Target } from "./strike";

/** The provider's process alone, as the engine starts it. */
export async function runBelow(lab: RestoreChaosLab, plan: Plan): Promise<Ended> {
    const inputs = lab.inputs(plan);
    const running = await lab.scene.start(inputs);
    let over = false;
    void running.ended.then(() => (over = true));
    const send = (signal: NodeJS.Signals) => {
        if (!over) {
            running.kill(signal);
        }
        return !over;
    };
    const target: Target = {
        isOver: () => over,
        signalProvider: send,
        killEngine: async () => {
            await running.stopEngine();
            return !over;
        },
        interrupt: () => Promise.resolve(false),
        killAll: () => false,
    };
    const struck = plan.fault.kind === "moment" ? await strike(lab, plan.fault, target) : true;
    const limit = new AbortController();
    const inTime = await Promise.race([
        running.ended.then(() => true),
        sleep(RUN_LIMIT_MS, false, { signal: limit.signal }).catch(() => false),
    ]);
    limit.abort();
    send("SIGKILL");
    return {
        struck,
        outcome: await running.outcome(),
        problems: inTime ? [] : ["it did not end"],
        next: async () => await nextRun(lab, plan, await running.outcome()),
    };
}

/** As the engine does it: what is left to do, a new test, and the end of the old one. */
async function nextRun(
    lab: RestoreChaosLab,
    plan: Plan,
    before: RestoreOutcome | undefined,
): Promise<string[]> {
    const { scene } = lab;
    const problems: string[] = [];
    const next = await scene.create(scene.inputs({ owner: lab.inputs(plan).owner }));
    if (next.state?.passed !== true) {
        problems.push(`the next run: ${next.error?.message ?? "did not pass"}`);
    }
    if (before !== undefined && (before.state ?? before.error?.properties) !== undefined) {
        await scene.remove(before).catch((error: unknown) => problems.push(`its removal: ${String(error)}`));
    }
    return problems;
}
