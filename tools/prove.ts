// The proof by restoring: `npm run prove [-- --runs 50 --without 10 --pairs 50 --only PostgreSQL --output prove.md
// --record prove-50]`; in a machine that boots: `npm run prove -- --vm [--runs 20 --faults 3 --restores 3 --only boot]`
// (prove/vm/).
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { recordFigures } from "./figures/measured";
import { ownOptions } from "./options";
import { files } from "./prove/files";
import { mariadb } from "./prove/mariadb";
import { type PairSeries, isOnePoint, pairReport } from "./prove/pairReport";
import { WAYS, runPairs } from "./prove/pairs";
import { postgresql } from "./prove/postgresql";
import { redisWithDumps, redisWithLog } from "./prove/redis";
import { holds, report, type Series } from "./prove/report";
import { runTrials } from "./prove/trials";
import { proveInMachine } from "./prove/vm/proveInMachine";

/**
 * `only`: the applications whose names begin so. `pairs`: of two databases, in each way to take both. `record`: the
 * entry of docs/figures.json.
 */
const [first, ...rest] = process.argv.slice(2);
const inMachine = first === "--vm";
const defaults = { runs: 50, without: 10, pairs: 50, only: "", output: ".cache/prove.md", record: "" };
const options = ownOptions("npm run prove", defaults, inMachine ? [] : undefined);

const command = ["npm run prove", "--", ...process.argv.slice(2)].join(" ");

/** A new cloud, host and application after so many, for what the writers have written grows. */
const RUNS_OF_A_SCENE = 10;

const applications = [postgresql, mariadb, redisWithLog, redisWithDumps, files].filter(({ name }) =>
    name.startsWith(options.only),
);

async function main(): Promise<void> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        throw new Error("the proof needs root on Linux: it mounts and freezes file systems of its own");
    }
    if (applications.length === 0 && options.only !== LEDGER) {
        throw new Error(`no application's name begins with ${options.only}`);
    }
    const series: Series[] = [];
    for (const application of applications) {
        const { name, level: promised } = application;
        const version = execFileSync("sh", ["-c", application.version], { encoding: "utf8" }).trim();
        for (const [quiesced, runs] of [
            [true, options.runs],
            [false, options.without],
        ] as const) {
            const results = await inScenes(runs, (some) =>
                runTrials({ application, quiesced, runs: some, log }),
            );
            series.push({ application: name, version, promised, quiesced, results });
            writeFileSync(options.output, report(series, command));
        }
    }
    const pairs = await inPairs();
    const whole = [report(series, command), ...(pairs.length === 0 ? [] : [pairReport(pairs)])].join("\n");
    writeFileSync(options.output, whole);
    console.log(whole);
    recordFigures(options.record, "prove", command);
    const proven =
        pairs.every(({ way, results }) => way !== "group" || results.every(isOnePoint)) &&
        series
            .filter(({ quiesced }) => quiesced)
            .every(
                ({ promised, results }) =>
                    results.length > 0 && results.every((result) => holds(result, promised)),
            );
    process.exitCode = proven ? 0 : 1;
}

/** For `only`: the two databases alone. */
const LEDGER = "ledger";

async function inPairs(): Promise<PairSeries[]> {
    const wanted = options.only === "" || options.only === LEDGER ? options.pairs : 0;
    const series: PairSeries[] = [];
    for (const way of wanted === 0 ? [] : WAYS) {
        const results = await inScenes(wanted, (some) => runPairs(way, some, log));
        series.push({ way, results });
    }
    return series;
}

/** @param take takes some, in a scene of their own */
async function inScenes<T>(
    runs: number,
    take: (some: number) => Promise<readonly T[]>,
): Promise<readonly T[]> {
    const results: T[] = [];
    while (results.length < runs) {
        results.push(...(await take(Math.min(RUNS_OF_A_SCENE, runs - results.length))));
    }
    return results;
}

const log = (line: string) => console.error(`prove: ${line}`);

void (inMachine ? proveInMachine(rest) : main());
