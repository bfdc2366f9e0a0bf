// Runs the tests in lanes: `npm run unit [-- --lanes 8 --only test/e2e --record yes]`.
//
// Not by mocha's own parallel mode: its workers share the network, /dev/shm and each other's processes, it knows no
// file that must run alone, and it shares no cloud among the files of a worker.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { INTERRUPTIONS } from "./interruptions";
import { type Distance, Lane, type LaneResult } from "./lanes/lane";
import { type Durations, recorded, textOf } from "./lanes/durations";
import { planOf } from "./lanes/plan";
import { type Ran, progressOf, summaryOf } from "./lanes/report";
import { ownOptions } from "./options";

const ROOT = join(__dirname, "..");
const DURATIONS = join(ROOT, "test/durations.json");
/** Beside one for each processor: most tests wait most of the time, for an engine, a host, a limit to pass. */
const WAITING_LANES = 6;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const options = ownOptions("npm run unit", {
    // Without namespaces, lanes of one account would meet on the machine.
    lanes: isRoot ? availableParallelism() + WAITING_LANES : 1,
    only: "",
    record: "",
});

const folder = mkdtempSync(join(tmpdir(), "acs-lanes-"));
// The users of test hosts pass through it.
chmodSync(folder, 0o755);
const lanes: Lane[] = [];
let interrupted = false;

async function main(): Promise<void> {
    const files = testFiles(options.only);
    const durations = JSON.parse(readFileSync(DURATIONS, "utf8")) as Durations;
    const { together, freezing, alone } = planOf(files, durations);
    const results: Ran[] = [];
    const work = (lane: string, next: Next, distance: Distance) =>
        workOff(next, isRoot ? distance : "none", (result) => results.push({ ...result, lane }));
    try {
        const taken = new Set<string>();
        const ways = Array.from({ length: options.lanes }, async (_, index) => {
            const lane = `lane ${index + 1}`;
            // The last is among those that wait, where there are any.
            if (index === options.lanes - 1) {
                await work(lane, eachOf(freezing), "surviving");
            }
            const order = index < availableParallelism() ? together.computing : together.waiting;
            await work(lane, eachOf(order, taken), "whole");
        });
        await Promise.all(ways);
        await work("alone", eachOf(alone), "none");
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
    if (options.record !== "") {
        writeFileSync(DURATIONS, textOf(recorded(durations, results, new Set(testFiles("").keys()))));
    }
    const ci = process.env["CI"] === "true";
    console.log(summaryOf(results, ci));
    const good = results.every(({ failures, skipped }) => failures.length === 0 && !(ci && skipped > 0));
    // Of nothing, nothing is shown.
    process.exitCode = good && results.some(({ passed }) => passed > 0) ? 0 : 1;
}

/** The texts of the test files whose path begins so. */
function testFiles(beginning: string): Map<string, string> {
    const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".test.ts"))
        .map((name) => join("test", name))
        .filter((file) => file.startsWith(beginning));
    return new Map(files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
}

/** The next file, or none. */
type Next = () => string | undefined;

/** One after the other, but for those that were taken from another order. */
function eachOf(order: readonly string[], taken = new Set<string>()): Next {
    return () => {
        const file = order.find((one) => !taken.has(one));
        if (file !== undefined) {
            taken.add(file);
        }
        return file;
    };
}

/** In one lane, or in the next where a file has ended it, until no file is left. */
async function workOff(
    next: Next,
    distance: Distance,
    onResult: (result: LaneResult) => void,
): Promise<void> {
    let lane: Lane | undefined;
    for (let file = next(); file !== undefined && !interrupted; file = next()) {
        lane = lane === undefined || lane.ended ? startLane(distance) : lane;
        const result = await lane.run(file);
        onResult(result);
        console.log(progressOf(result));
    }
    await lane?.end();
}

function startLane(distance: Distance): Lane {
    const lane = new Lane({ folder: join(folder, String(lanes.length + 1)), shared: folder, distance });
    lanes.push(lane);
    return lane;
}

for (const signal of INTERRUPTIONS) {
    process.once(signal, () => {
        interrupted = true;
        void Promise.all(lanes.map((lane) => lane.kill())).finally(() => {
            rmSync(folder, { recursive: true, force: true });
            process.exit(130);
        });
    });
}

void main();
