// The benchmark: `npm run bench [-- --rounds 5 --rtt 0,20,100 --api 0,300,1500 --volumes 1,8,40 --record bench]`.
import { thawAfterKill, thawAfterSilence } from "./bench/kill";
import { Lab } from "./bench/lab";
import { measure } from "./bench/measure";
import { type Kills, median, quiescedTable, targetTable, targetsOf, windowTable } from "./bench/report";
import { INTERRUPTIONS } from "./interruptions";
import { recordFigures } from "./figures/measured";
import { ownOptions } from "./options";

const FREEZE_LIMIT_S = 2;

const { rounds, record, ...matrix } = ownOptions("npm run bench", {
    rounds: 5,
    rtt: [0, 20, 100],
    api: [0, 300, 1500],
    volumes: [1, 8, 40],
    record: "",
});

const settings = matrix.rtt.flatMap((roundTripMs) =>
    matrix.api.flatMap((apiMs) => matrix.volumes.map((volumes) => ({ roundTripMs, apiMs, volumes }))),
);

async function main(): Promise<void> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        throw new Error("the benchmark needs root on Linux, for hosts that can say which instance they are");
    }
    const lab = await Lab.start();
    const leave = () => void lab.stop().finally(() => process.exit(130));
    for (const signal of INTERRUPTIONS) {
        process.once(signal, leave);
    }
    try {
        const tell = (line: string) => console.error(`bench: ${line}`);
        tell("killing clients");
        const kills: Kills = {
            closed: await repeated(() => thawAfterKill(lab)),
            silent: await repeated(() => thawAfterSilence(lab, FREEZE_LIMIT_S)),
            freezeLimitMs: FREEZE_LIMIT_S * 1000,
        };
        await lab.cloud.reset();
        const measured = await measure(lab, settings, rounds, tell);
        const targets = targetsOf(measured, kills);

        console.log(`Medians of ${rounds} rounds, interleaved. RTT and API: added milliseconds.\n`);
        console.log(`Freeze window: pre-freeze's end to letting go\n\n${windowTable(measured)}\n`);
        console.log(`Quiesced: pre-freeze's start to post-thaw's end\n\n${quiescedTable(measured)}\n`);
        console.log(`Thaw after SIGKILL of the client, connection closed: ${spread(kills.closed)}`);
        console.log(
            `Thaw after the freeze, cut without FIN, limit ${kills.freezeLimitMs}: ${spread(kills.silent)}\n`,
        );
        console.log(targetTable(targets));
        recordFigures(record, "bench", "npm run bench");
        process.exitCode = targets.every(({ met }) => met) ? 0 : 1;
    } finally {
        await lab.stop();
    }
}

async function repeated(once: () => Promise<number>): Promise<number[]> {
    const results: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
        results.push(await once());
    }
    return results;
}

function spread(values: readonly number[]): string {
    const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)];
    return `median ${middle.toFixed(1)} ms (${low.toFixed(1)} to ${high.toFixed(1)})`;
}

void main();
