// One thing goes wrong at a random moment of a restore test: `npx tsx tools/restoreChaos.ts [--runs 100 --seed 1]`.
import { countTable } from "./chaos/report";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";
import { RestoreChaosLab } from "./restoreChaos/lab";
import { describe, groupOf } from "./restoreChaos/plan";
import { type RestoreChaosResult, runRestoreSeed } from "./restoreChaos/run";

const options = ownOptions("npx tsx tools/restoreChaos.ts", { runs: 100, seed: 1 });

async function main(): Promise<void> {
    const lab = await RestoreChaosLab.start();
    const results: RestoreChaosResult[] = [];
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => {
            console.log(`\n${counts(results)}`);
            void lab.stop().finally(() => process.exit(130));
        });
    }
    try {
        for (let seed = options.seed; seed < options.seed + options.runs; seed += 1) {
            const result = await runRestoreSeed(lab, seed);
            results.push(result);
            tell(seed, result);
        }
    } finally {
        await lab.stop();
    }
    console.log(`\n${counts(results)}`);
    const holds = results.length > 0 && results.every(({ problems }) => problems.length === 0);
    process.exit(holds ? 0 : 1);
}

function tell(seed: number, { plan, struck, outcome, problems, seconds }: RestoreChaosResult): void {
    const missed = struck ? "" : " (nothing to strike then)";
    console.log(`seed ${seed}: ${describe(plan)}${missed}: ${outcome}, ${seconds.toFixed(0)} s`);
    problems.forEach((problem) => console.log(`    PROBLEM: ${problem}`));
}

function counts(results: readonly RestoreChaosResult[]): string {
    return countTable("what", "passed", results, ({ plan }) => groupOf(plan.fault));
}

void main();
