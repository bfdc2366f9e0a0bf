import { setTimeout as sleep } from "node:timers/promises";
import type { EngineResult, RunningOperation } from "../../lab/engine/project";
import { killAll, ofDatabase, strikes } from "./blows";
import type { ChaosLab } from "./lab";
import { isRefused } from "./pairs";
import { type Anchor, type Fault, type Plan, planOf } from "./plan";
import { Random } from "./random";
import {
    endLeases,
    falseClaims,
    frozenUnrehearsed,
    hinderedBy,
    leftBehind,
    notAwake,
    notMended,
    notWritten,
    stillRunning,
} from "./verdict";

/** All limits of a run together, and what the engine needs itself. */
const UP_LIMIT_MS = 300_000;
/** After which a CLI that lost its provider is no use any more. */
const ANCHOR_LIMIT_MS = 120_000;

export interface ChaosResult {
    readonly seed: number;
    readonly plan: Plan;
    /** Whether there was something to strike at that moment. */
    readonly struck: boolean;
    readonly outcome: string;
    /** What does not hold; empty when all does. */
    readonly problems: readonly string[];
    readonly seconds: number;
}

/** One `up` in which one thing goes wrong, all that must hold afterwards, and the next `up`. */
export async function runSeed(lab: ChaosLab, seed: number): Promise<ChaosResult> {
    const started = performance.now();
    const plan = planOf(seed);
    const { fault, inline } = plan;
    await lab.restore();
    const clean = lab.left();
    lab.nextSet(plan);
    const { struck, result } = await upWith(lab, fault, new Random(~seed));
    const mayWrite = !(fault.kind === "moment" && ofDatabase.has(fault.what));
    const problems = [
        ...(await notAwake(lab, hinderedBy(fault))),
        ...(mayWrite ? await notWritten(lab) : []),
        ...(await stillRunning(lab, fault)),
        ...leftBehind(lab, clean),
        ...(await falseClaims(lab)),
        ...(isRefused(plan.pair) ? frozenUnrehearsed(lab) : []),
        ...(typeof result === "string" && result !== "killed" ? [result] : []),
    ];
    // What lived on is a finding of this run, and of no other.
    const leftovers = lab.project.processes().map(({ pid }) => pid);
    killAll(leftovers, "SIGKILL");
    await lab.restore();
    await endLeases(lab);
    if (result === "killed") {
        // What Pulumi tells its user to do about the lock that a killed CLI leaves.
        await lab.project.run(["cancel", "--yes", "--stack", "test"]);
    }
    lab.nextSet({ pair: isRefused(plan.pair) ? "recipe" : plan.pair, inline });
    const next = await lab.project.up({ limitMs: UP_LIMIT_MS });
    problems.push(...(await falseClaims(lab)), ...(await notMended(lab, next, clean)));
    return {
        seed,
        plan,
        struck,
        outcome: typeof result === "string" ? result : outcomeOf(result),
        problems,
        seconds: (performance.now() - started) / 1000,
    };
}

/** "killed": the CLI was; another text: what went wrong with the run itself. */
async function upWith(
    lab: ChaosLab,
    fault: Fault,
    random: Random,
): Promise<{ struck: boolean; result: EngineResult | string }> {
    const armed =
        fault.kind === "cloud"
            ? await lab.cloud.fault(fault.operation, fault.spec, { skip: fault.skip })
            : undefined;
    const running = lab.project.spawn("up", { limitMs: UP_LIMIT_MS });
    let struck = false;
    let over = false;
    void running.ended.then(() => (over = true));
    if (fault.kind === "moment" && (await reached(lab, running, fault.anchor))) {
        await sleep(fault.delayMs);
        const late = over;
        struck = (await strikes[fault.what](lab, running, random)) && !late;
    }
    const result = await running.result.catch((error: unknown) => String(error));
    if (armed !== undefined) {
        struck = await armed.reached({ limitMs: 1 }).then(
            () => true,
            () => false,
        );
    }
    return { struck, result: typeof result !== "string" && result.signal !== null ? "killed" : result };
}

/** Whether the run came to that; false when it ended before. */
async function reached(lab: ChaosLab, running: RunningOperation, anchor: Anchor): Promise<boolean> {
    const isThere: Record<Anchor, () => boolean> = {
        provider: () => lab.project.processes().some(({ role }) => role === "dynamicProvider"),
        "pre-freeze": () => lab.host.events.includes("pre freeze"),
        frozen: () => lab.host.events.some((event) => event.startsWith("frozen ")),
        "post-thaw": () => sinceFreezing(lab).some((event) => event.startsWith("post ")),
        thawed: () => sinceFreezing(lab).some((event) => event.startsWith("thawed ")),
    };
    const end = new AbortController();
    void running.ended.then(() => end.abort());
    const deadline = performance.now() + ANCHOR_LIMIT_MS;
    while (!isThere[anchor]()) {
        if (end.signal.aborted || performance.now() > deadline) {
            return false;
        }
        await sleep(anchor === "provider" ? 200 : 10);
    }
    return true;
}

/** Post-thaw is rehearsed before that. */
function sinceFreezing({ host }: ChaosLab): string[] {
    return host.events.slice(host.events.indexOf("pre freeze") + 1 || Infinity);
}

function outcomeOf({ code, diagnostics }: EngineResult): string {
    if (code === 0) {
        return "succeeded";
    }
    return /\b[A-Z]{3,}(_[A-Z]+)+\b/.exec(diagnostics)?.[0] ?? "failed";
}
