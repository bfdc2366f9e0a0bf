// What this package adds to a run in which nothing changes: `npm run bench:startup [-- --resources 50 --rounds 5 --record startup]`.
//
// Three stacks side by side, by turns: one of AppConsistentSnapshots, and two of as many dynamic resources that do nothing,
// without properties and with as many.
import { type Lab, startLab } from "../lab/engine/e2e";
import type { Project } from "../lab/engine/project";
import { engineTime } from "./bench/engineTime";
import { median, ms, table } from "./bench/report";
import { recordFigures } from "./figures/measured";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

const OPERATIONS = ["up", "preview"] as const;
/** So much more than dynamic resources with as many properties cost. */
const HIGHEST_RATIO = 1.1;

const options = ownOptions("npm run bench:startup", { resources: 50, rounds: 5, record: "" });

async function main(): Promise<void> {
    const lab = await startLab();
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void lab.stop().finally(() => process.exit(130)));
    }
    try {
        const ours = await projectOf(lab, await oursIn(lab));
        const empty = await projectOf(lab, dynamicProgram("{}"));
        const like = await projectOf(lab, dynamicProgram(LIKE_OURS));
        const rows: string[][] = [];
        for (const operation of OPERATIONS) {
            const [our = 0, ...theirs] = await timed(operation, [ours, empty, like]);
            rows.push([
                `${operation}, no change`,
                ms(our),
                ...theirs.flatMap((their) => [ms(their), (our / their).toFixed(2)]),
            ]);
            if (our / (theirs.at(-1) ?? 0) > HIGHEST_RATIO) {
                process.exitCode = 1;
            }
        }
        const titles = ["this package", "empty", "ratio", "as many properties", "ratio"];
        console.log(table([`${options.resources} resources`, ...titles], rows));
        recordFigures(options.record, "startup", "npm run bench:startup");
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

/** What the engine and its SDK do for each property of ours is not ours. */
const LIKE_OURS = `{
    instanceId: "i-0123456789abcdef0", quiesce: { method: "none" }, owner: "somebody",
    a: undefined, b: undefined, c: undefined, d: undefined, e: undefined, f: undefined, g: undefined, h: undefined,
}`;

/** Resources that do nothing. */
function dynamicProgram(properties: string): string {
    return `
const pulumi = require("@pulumi/pulumi");
const provider = { create: async () => ({ id: "id", outs: {} }) };
class Empty extends pulumi.dynamic.Resource {
    constructor(name) {
        super(provider, name, ${properties});
    }
}
for (let index = 0; index < ${options.resources}; index += 1) {
    new Empty(\`empty-\${index}\`);
}
`;
}

/** Medians in milliseconds, in the order of the projects, which take turns. */
async function timed(
    operation: (typeof OPERATIONS)[number],
    projects: readonly Project[],
): Promise<number[]> {
    const times = projects.map((): number[] => []);
    for (let round = 0; round < options.rounds; round += 1) {
        for (const [index, project] of projects.entries()) {
            times[index]?.push(await engineTime(project, operation));
        }
    }
    return times.map(median);
}

void main();
