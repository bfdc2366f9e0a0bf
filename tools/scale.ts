// Scale: `npm run scale [-- --instances 1,10,50,200 --volumes 127 --slowest 0 --record scale]`.
import { recordFigures } from "./figures/measured";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";
import { ScaleLab } from "./scale/lab";
import { type Scaled, scale } from "./scale/measure";
import { scaleTable } from "./scale/report";

const options = ownOptions("npm run scale", {
    instances: [1, 10, 50, 200],
    volumes: [127],
    slowest: 0,
    record: "",
});
const USUAL_VOLUMES = 3;

async function main(): Promise<void> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) {
        throw new Error("this needs root on Linux, for hosts that can say which instance they are");
    }
    const results: Scaled[] = [];
    await inLab(async (lab) => {
        for (const instances of options.instances) {
            results.push(await told(lab, instances, USUAL_VOLUMES));
        }
    });
    for (const volumes of options.volumes) {
        await inLab(async (lab) => {
            results.push(await told(lab, 1, volumes));
        });
    }
    console.log(scaleTable(results));
    const slow = options.slowest === 0 ? "" : ` -- --slowest ${options.slowest}`;
    recordFigures(options.record, "scale", `npm run scale${slow}`);
}

async function inLab(work: (lab: ScaleLab) => Promise<void>): Promise<void> {
    const lab = await ScaleLab.start();
    const leave = () => void lab.stop().finally(() => process.exit(130));
    for (const signal of INTERRUPTIONS) {
        process.once(signal, leave);
    }
    try {
        await work(lab);
    } finally {
        for (const signal of INTERRUPTIONS) {
            process.removeListener(signal, leave);
        }
        await lab.stop();
    }
}

async function told(lab: ScaleLab, instances: number, volumes: number): Promise<Scaled> {
    const scaled = await scale(lab, instances, volumes, options.slowest);
    console.error(`scale: ${JSON.stringify(scaled)}`);
    return scaled;
}

void main();
