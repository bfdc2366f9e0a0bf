// What a preview costs, without and with `preflight`: `npm run bench:preview [-- --resources 1,20,100 --rounds 3]`.
//
// Stacks that have nothing yet, side by side, by turns: each resource has a server of its own, a real sshd, and what EC2
// answers is the local cloud's, with EC2's limits of requests.
import type { EngineResult, Project } from "../lab/engine/project";
import { engineTime } from "./bench/engineTime";
import { median, ms, table } from "./bench/report";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";
import { ScaleLab } from "./scale/lab";

const options = ownOptions("npm run bench:preview", { resources: [1, 20, 100], rounds: 3 });

type Servers = Awaited<ReturnType<ScaleLab["servers"]>>;

async function main(): Promise<void> {
    const lab = await ScaleLab.start();
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void lab.stop().finally(() => process.exit(130)));
    }
    try {
        const rows: string[][] = [];
        for (const count of options.resources) {
            rows.push(await rowOf(lab, await lab.servers(count, 3)));
            console.error(`preview: ${(rows.at(-1) ?? []).join(", ")}`);
        }
        console.log(table(["resources", "preview", 'preflight: "warn"', "ratio", "more for each"], rows));
    } finally {
        await lab.stop();
    }
}

async function rowOf(lab: ScaleLab, servers: Servers): Promise<string[]> {
    const plain = await lab.project(servers);
    const looking = await lab.project(servers, { preflight: "warn" });
    await lab.limitRequests();
    const [without = NaN, withIt = NaN] = await timed([plain, looking]);
    await Promise.all([plain.dispose(), looking.dispose()]);
    const more = (withIt - without) / servers.length;
    return [String(servers.length), ms(without), ms(withIt), (withIt / without).toFixed(2), ms(more)];
}

/** Medians in milliseconds, in the order of the projects, which take turns. */
async function timed(projects: readonly Project[]): Promise<number[]> {
    const times = projects.map((): number[] => []);
    for (let round = 0; round < options.rounds; round += 1) {
        for (const [index, project] of projects.entries()) {
            times[index]?.push(await engineTime(project, "preview", assertWhole));
        }
    }
    return times.map(median);
}

/** A preflight that ran out of time would look quick. */
function assertWhole({ diagnostics }: EngineResult): void {
    if (diagnostics.includes("stands against it:")) {
        throw new Error(`something stands against a set:\n${diagnostics}`);
    }
}

void main();
