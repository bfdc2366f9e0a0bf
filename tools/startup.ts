// What this package adds to a run in which nothing changes: `npm run bench:startup [-- --resources 50 --rounds 5]`.
//
// Two stacks side by side, by turns: one of AppConsistentSnapshots, one of as many dynamic resources that do nothing.
import { type Lab, startLab } from "../lab/engine/e2e";
import type { Project } from "../lab/engine/project";
import { engineTime } from "./bench/engineTime";
import { median, ms, table } from "./bench/report";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

const OPERATIONS = ["up", "preview"] as const;
/** So much more than the least that dynamic resources cost. */
const HIGHEST_RATIO = 1.1;

const options = ownOptions("npm run bench:startup", { resources: 50, rounds: 5 });

async function main(): Promise<void> {
    const lab = await startLab();
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void lab.stop().finally(() => process.exit(130)));
    }
    try {
        const [ours, empty] = [await projectOf(lab, await oursIn(lab)), await projectOf(lab, emptyProgram())];
        const rows: string[][] = [];
        for (const operation of OPERATIONS) {
            const [our, their] = await timed(operation, [ours, empty]);
            const ratio = our / their;
            rows.push([`${operation}, no change`, ms(our), ms(their), ratio.toFixed(2)]);
            if (ratio > HIGHEST_RATIO) {
                process.exitCode = 1;
            }
        }
        console.log(table([`${options.resources} resources`, "this package", "empty", "ratio"], rows));
    } finally {
        await lab.stop();
    }
}

async function projectOf(lab: Lab, program: string): Promise<Project> {
    const project = await lab.project({ program, main: "index.js" });
    await engineTime(project, "up");
    return project;
}

async function oursIn({ cloud }: Lab): Promise<string> {
    const { instanceId } = await cloud.createInstance({ volumes: 1 });
    return `
const { AppConsistentSnapshot } = require("pulumi-app-consistent-snapshot");
for (let index = 0; index < ${options.resources}; index += 1) {
    new AppConsistentSnapshot(\`db-\${index}\`, { instanceId: "${instanceId}", quiesce: { method: "none" } });
}
`;
}

function emptyProgram(): string {
    return `
const pulumi = require("@pulumi/pulumi");
const provider = { create: async () => ({ id: "id", outs: {} }) };
class Empty extends pulumi.dynamic.Resource {
    constructor(name) {
        super(provider, name, {});
    }
}
for (let index = 0; index < ${options.resources}; index += 1) {
    new Empty(\`empty-\${index}\`);
}
`;
}

/** Medians in milliseconds, in the order of the projects. */
async function timed(
    operation: (typeof OPERATIONS)[number],
    projects: readonly [Project, Project],
): Promise<[number, number]> {
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < options.rounds; round += 1) {
        for (const [index, project] of projects.entries()) {
            times[index]?.push(await engineTime(project, operation));
        }
    }
    return [median(times[0]), median(times[1])];
}

void main();
