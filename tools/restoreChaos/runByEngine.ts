import { setTimeout as sleep } from "node:timers/promises";
import type { Project, ResourceState } from "../../lab/engine/project";
import type { RestoreOutputs } from "../../provider/lifecycle/restoreTest/restoreOutputs";
import { killAll } from "../chaos/blows";
import { type Ended, type RestoreChaosLab, RUN_LIMIT_MS } from "./lab";
import type { Plan } from "./plan";
import { strike, type Target } from "./strike";

const END_LIMIT_MS = 60_000;
const BETWEEN_SIGNALS_MS = 300;

/** A `pulumi up`, with the limits that a user has. */
export async function runByEngine(lab: RestoreChaosLab, plan: Plan): Promise<Ended> {
    const project = await lab.project();
    const inputs = lab.inputs(plan);
    project.setProgram(lab.program(inputs, `seed ${plan.seed}`));
    const running = project.spawn("up", { limitMs: RUN_LIMIT_MS });
    let over = false;
    void running.ended.then(() => (over = true));
    const signal = (role: string, name: NodeJS.Signals) =>
        killAll(
            pidsOf(project, ({ role: one }) => one === role),
            name,
        );
    const target: Target = {
        isOver: () => over,
        signalProvider: (name) => signal("dynamicProvider", name),
        killEngine: () => Promise.resolve(signal("cli", "SIGKILL")),
        interrupt: async (times) => {
            for (let sent = 0; sent < times; sent += 1) {
                running.kill("SIGINT");
                await sleep(BETWEEN_SIGNALS_MS);
            }
            return !over;
        },
        killAll: () => killAll(pidsOf(project), "SIGKILL"),
    };
    const struck = plan.fault.kind === "moment" ? await strike(lab, plan.fault, target) : true;
    const result = await running.result.catch((error: unknown) => String(error));
    const problems = [...(typeof result === "string" ? [result] : []), ...(await stillRunning(project))];
    const cliKilled = typeof result === "string" || result.signal !== null;
    const error = typeof result === "string" || result.code === 0 ? undefined : new Error(result.diagnostics);
    const state = testsIn(project).at(-1)?.outputs as RestoreOutputs | undefined;
    const isNew = state?.triggers?.[0] === `seed ${plan.seed}`;
    const told = !cliKilled && !wasKilled(plan);
    return {
        struck,
        outcome: told
            ? { id: "", inputs, state: isNew && error === undefined ? state : undefined, error, lines: [] }
            : undefined,
        problems,
        next: async () => await nextRun(lab, project, plan, cliKilled),
    };
}

function wasKilled({ fault }: Plan): boolean {
    return fault.kind === "moment" && /^kill the (provider|engine|whole)/.test(fault.what);
}

function pidsOf(
    project: Project,
    isMeant: (process: ReturnType<Project["processes"]>[number]) => boolean = () => true,
): number[] {
    return project
        .processes()
        .filter(isMeant)
        .map(({ pid }) => pid);
}

function testsIn(project: Project): ResourceState[] {
    return project.state().resources.filter(({ type }) => type.endsWith("RestoreTest"));
}

/** The provider outlives a CLI that was killed until it has undone what it did. */
async function stillRunning(project: Project): Promise<string[]> {
    const deadline = performance.now() + END_LIMIT_MS;
    const providers = () => project.processes().filter(({ role }) => role === "dynamicProvider");
    while (providers().length > 0 && performance.now() < deadline) {
        await sleep(100);
    }
    const left = providers().map(({ pid }) => pid);
    // A language host outlives a killed CLI, and is Pulumi's.
    killAll(pidsOf(project), "SIGKILL");
    return left.length === 0 ? [] : [`a provider lives on: ${left.join(", ")}`];
}

async function nextRun(
    lab: RestoreChaosLab,
    project: Project,
    plan: Plan,
    cliKilled: boolean,
): Promise<string[]> {
    if (cliKilled) {
        // What Pulumi tells its user to do about the lock that a killed CLI leaves.
        await project.run(["cancel", "--yes", "--stack", "test"]);
    }
    await lab.scene.letLeasesRunOut();
    project.setProgram(lab.program(lab.scene.inputs(), `after seed ${plan.seed}`));
    const { code, outputs, stdout, stderr } = await project.up({ limitMs: RUN_LIMIT_MS });
    const problems = code === 0 && outputs["passed"] === true ? [] : [`the next up: ${stdout}${stderr}`];
    return testsIn(project).length === 1 ? problems : [...problems, "the next up leaves more than one test"];
}
