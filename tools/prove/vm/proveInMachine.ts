import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../lab/engine/engine";
import { recordFigures } from "../../figures/measured";
import { ownOptions } from "../../options";
import { BootTrials, type BootResult } from "./bootTrial";
import { FaultTrials } from "./faultTrial";
import { FAULTS } from "./faults";
import { MachineLab } from "./machineLab";
import { bootHolds, machineReport } from "./machineReport";
import { RestoreTrials } from "./restoreTrial";
import { type Kind, Results } from "./results";
import { inScenes, type Scene } from "./series";

const log = (line: string) => console.error(`prove: ${line}`);

/**
 * The proof in a machine that boots. Options: `runs` of the boot, `faults` of each fault, `restores` by a RestoreTest;
 * `only` what begins so, by commas: `boot`, `restoreTest` or a fault's name; `output` of the report; `results`: a file of
 * an earlier call whose results count as well, and to which those of this call are added; `record`: the entry of
 * docs/figures.json. What fails is in the report, and the next runs are made all the same.
 */
export async function proveInMachine(args: string[]): Promise<void> {
    const defaults = {
        ...{ runs: 20, faults: 3, restores: 3, only: "" },
        ...{ output: ".cache/prove-vm.md", results: "", record: "" },
    };
    const options = ownOptions("npm run prove -- --vm", defaults, args);
    execFileSync(process.execPath, [join(ROOT, "tools/setup.mjs"), "--for", "machine"], { stdio: "inherit" });
    const results = new Results(options.results || `${options.output}.jsonl`, options.results !== "");
    const keep: Keep = (kind, result) => {
        results.add(kind, result);
        log(`${kind}, ${results.of(kind).length}: ${JSON.stringify(result)}`);
        writeFileSync(options.output, machineReport(results));
    };
    const isWanted = (name: string) => options.only.split(",").some((only) => name.startsWith(only));
    const rounds = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    await inScenes(
        isWanted("boot") ? rounds(options.runs) : [],
        () => inLab(async (lab) => BootTrials.begin(lab, (result) => keep("boot", result))),
        (_, error) => keep("boot", failedBoot(error)),
    );
    const wanted = FAULTS.filter(({ name }) => isWanted(name));
    await inScenes(
        rounds(options.faults).flatMap(() => wanted),
        () => inLab(async (lab) => FaultTrials.begin(lab, log, (result) => keep("fault", result))),
        ({ name: fault }, error) =>
            keep("fault", { fault, ended: "not tried", healed: "not tried", problems: [String(error)] }),
    );
    await inScenes(
        isWanted("restoreTest") ? rounds(options.restores) : [],
        () => inLab(async (lab) => RestoreTrials.begin(lab, (result) => keep("restoreTest", result))),
        (_, error) => keep("restoreTest", { ended: "not tried", problems: [String(error)] }),
    );
    const report = machineReport(results);
    writeFileSync(options.output, report);
    console.log(report);
    recordFigures(options.record, "proveInMachine", ["npm run prove --", "--vm", ...args].join(" "));
    process.exitCode = isProven(results) ? 0 : 1;
}

type Keep = Results["add"];

function failedBoot(error: unknown): BootResult {
    const nothing = { lost: 0, after: 0, gaps: 0, transactions: 0, replays: 0, recovered: false };
    const verdict = { ...nothing, problems: [String(error)] };
    return {
        level: "failed",
        vouchedBy: "nobody",
        rootReplayed: false,
        database: verdict,
        files: { ...nothing, problems: [] },
    };
}

function isProven(results: Results): boolean {
    const others = [...results.of("fault"), ...results.of("restoreTest")];
    const kinds: readonly Kind[] = ["boot", "fault", "restoreTest"];
    return (
        kinds.some((kind) => results.of(kind).length > 0) &&
        results.of("boot").every(bootHolds) &&
        others.every(({ problems }) => problems.length === 0)
    );
}

/** A scene in a lab of its own, which ends with it. */
async function inLab<T>(begin: (lab: MachineLab) => Promise<Scene<T>>): Promise<Scene<T>> {
    const lab = await MachineLab.start(log);
    const told = <A>(work: Promise<A>) =>
        work.catch((error: unknown) => {
            log(`${String(error)}; the machine's console: ${lab.machine.console.slice(-2000)}`);
            throw error;
        });
    try {
        const scene = await told(begin(lab));
        return {
            take: (task) => told(scene.take(task)),
            close: async () => {
                await scene.close().catch((error: unknown) => log(String(error)));
                await lab.stop();
            },
        };
    } catch (error) {
        await lab.stop();
        throw error;
    }
}
