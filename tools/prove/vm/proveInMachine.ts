import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../lab/engine/engine";
import { recordFigures } from "../../figures/measured";
import { ownOptions } from "../../options";
import { type BootResult, runBootTrials } from "./bootTrial";
import { FaultTrials, type FaultResult } from "./faultTrial";
import { FAULTS } from "./faults";
import { MachineLab } from "./machineLab";
import { bootHolds, machineReport } from "./machineReport";

/** For `only`: the boots alone. */
const BOOT = "boot";

const log = (line: string) => console.error(`prove: ${line}`);

/**
 * The proof in a machine that boots. Options: `runs` of the boot, `faults` of each fault, `only` those faults whose names
 * begin so, or `boot`; `output`; `record`: the entry of docs/figures.json.
 */
export async function proveInMachine(args: string[]): Promise<void> {
    const defaults = { runs: 20, faults: 3, only: "", output: ".cache/prove-vm.md", record: "" };
    const options = ownOptions("npm run prove -- --vm", defaults, args);
    execFileSync(process.execPath, [join(ROOT, "tools/setup.mjs"), "--for", "machine"], { stdio: "inherit" });
    const command = ["npm run prove --", "--vm", ...args].join(" ");
    const boots: BootResult[] = [];
    const faults: FaultResult[] = [];
    const write = () => writeFileSync(options.output, machineReport(boots, faults));
    if ("".startsWith(options.only) || options.only === BOOT) {
        await inLab(async (lab) => {
            await runBootTrials(lab, options.runs, (result) => {
                boots.push(result);
                log(`boot, ${boots.length} of ${options.runs}: ${JSON.stringify(result)}`);
                write();
            });
        });
    }
    const wanted = FAULTS.filter(({ name }) => name.startsWith(options.only));
    if (wanted.length > 0 && options.faults > 0) {
        await inLab(async (lab) => {
            const trials = new FaultTrials(lab, log);
            await trials.begin();
            for (let round = 1; round <= options.faults; round += 1) {
                for (const fault of wanted) {
                    const result = await trials.throwOne(fault);
                    log(`${fault.name}, ${round} of ${options.faults}: ${JSON.stringify(result)}`);
                    faults.push(result);
                    write();
                }
            }
        });
    }
    console.log(machineReport(boots, faults));
    recordFigures(options.record, "proveInMachine", command);
    const proven = boots.every(bootHolds) && faults.every(({ problems }) => problems.length === 0);
    process.exitCode = proven && boots.length + faults.length > 0 ? 0 : 1;
}

async function inLab(work: (lab: MachineLab) => Promise<void>): Promise<void> {
    const lab = await MachineLab.start(log);
    try {
        await work(lab);
    } catch (error) {
        log(`the machine's console: ${lab.machine.console.slice(-2000)}`);
        throw error;
    } finally {
        await lab.stop();
    }
}
