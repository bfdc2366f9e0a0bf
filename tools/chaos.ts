// Chaos: `npm run chaos [-- --runs 200 --seed 1 --jobs 2 --record chaos]`. One seed again, alone: `npm run chaos -- --runs 1 --seed 17`.
import { ChaosLab } from "./chaos/lab";
import { describe } from "./chaos/plan";
import { countTables } from "./chaos/report";
import { type ChaosResult, runSeed } from "./chaos/run";
import { INTERRUPTIONS } from "./interruptions";
import { recordFigures } from "./figures/measured";
import { ownOptions } from "./options";

const options = ownOptions("npm run chaos", { runs: 200, seed: 1, jobs: 2, record: "" });

async function main(): Promise<void> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        throw new Error("chaos needs root on Linux, for hosts that can be killed piece by piece");
    }
    const seeds = Array.from({ length: options.runs }, (_, index) => options.seed + index);
    const labs: ChaosLab[] = [];
    const results: ChaosResult[] = [];
    let stopping: Promise<unknown> | undefined;
    const stop = () => (stopping ??= Promise.all(labs.map((lab) => lab.stop())));
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => {
            // What the runs under way say of labs that are gone is of no interest.
            process.on("unhandledRejection", () => undefined);
            console.log(`\n${countTables(results)}`);
            void stop().finally(() => process.exit(130));
        });
    }
    const work = async (): Promise<void> => {
        const lab = await ChaosLab.start();
        labs.push(lab);
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
            const result = await runSeed(lab, seed);
            results.push(result);
            tell(result);
        }
    };
    try {
        await Promise.all(Array.from({ length: Math.min(options.jobs, options.runs) }, work));
    } finally {
        await stop();
    }
    console.log(`\n${countTables(results)}`);
    recordFigures(options.record, "chaos", "npm run chaos");
    // Of nothing, nothing is shown.
    const holds = results.length > 0 && results.every(({ problems }) => problems.length === 0);
    process.exitCode = holds ? 0 : 1;
}

function tell({ seed, plan, struck, outcome, problems, seconds }: ChaosResult): void {
    const missed = struck ? "" : " (nothing to strike then)";
    console.log(`seed ${seed}: ${describe(plan)}${missed}: ${outcome}, ${seconds.toFixed(0)} s`);
    for (const problem of problems) {
        console.log(`    PROBLEM: ${problem}`);
    }
}

void main();
