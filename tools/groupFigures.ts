// How long a group is frozen: `npx tsx tools/groupFigures.ts [--members 2,3,10 --roundTrips 0,20,100 --rounds 3 --record groups]`.
import type { Evidence } from "../provider/base/evidence";
import type { GroupInputs } from "../provider/inputs/inputs";
import { CapturedLog } from "../lab/capturedLog";
import { GroupScene } from "../lab/scenes/groupScene";
import { create, remove } from "../lab/scenes/lifecycle";
import { Scene } from "../lab/scenes/scene";
import { TcpProxy } from "../lab/hosts/tcpProxy";
import { median, ms, table } from "./bench/report";
import { recordFigures } from "./figures/measured";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

/** What the local cloud takes for a set, and how many it takes at once: EC2's own limit, of one that has used no more. */
const API_MS = 300;
const LIMIT = { rate: 5, burst: 5 };

const options = ownOptions("npx tsx tools/groupFigures.ts", {
    members: [2, 3, 10],
    roundTrips: [0, 20, 100],
    rounds: 3,
    record: "",
});

/** Of one run. Milliseconds. */
interface Sample {
    readonly longest: number;
    /** Between the member that was frozen for the longest and the one that was so for the shortest time. */
    readonly spread: number;
    /** What the API itself takes, with its limit, and one round trip. */
    readonly least: number;
    readonly refused: number;
}

interface Way {
    readonly members: number;
    readonly roundTripMs: number;
    readonly group: Sample[];
    readonly single: Sample[];
}

async function main(): Promise<void> {
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void Scene.stopAll().finally(() => process.exit(130)));
    }
    const ways: Way[] = [];
    try {
        const names = Array.from({ length: Math.max(...options.members) }, (_, index) => `m${index}`);
        const scene = await GroupScene.start(...names);
        for (const roundTripMs of options.roundTrips) {
            const ports = await Promise.all(names.map((name) => wayTo(scene, name, roundTripMs)));
            for (const members of options.members) {
                ways.push(await measured(scene, names.slice(0, members), ports, roundTripMs));
            }
            await Promise.all(ports.flatMap(({ proxy }) => (proxy === undefined ? [] : [proxy.stop()])));
        }
    } finally {
        await Scene.stopAll();
    }
    console.log(figuresTable(ways));
    recordFigures(options.record, "groups", "npx tsx tools/groupFigures.ts");
}

interface WayTo {
    readonly port: number;
    readonly proxy?: TcpProxy;
}

async function wayTo(scene: GroupScene, name: string, roundTripMs: number): Promise<WayTo> {
    const { host } = scene.scene(name);
    if (roundTripMs === 0) {
        return { port: host.port };
    }
    const proxy = await TcpProxy.start({ to: host.port, delay: roundTripMs / 2 });
    return { port: proxy.port, proxy };
}

async function measured(
    scene: GroupScene,
    names: readonly string[],
    ports: readonly WayTo[],
    roundTripMs: number,
): Promise<Way> {
    const { cloud } = scene;
    const ported = names.map(
        (name, index) => [name, { connection: { port: ports[index]?.port ?? 0 } }] as const,
    );
    const inputs = scene.inputs({ members: Object.fromEntries(ported) });
    const own = names.map((name) => [name, inputs.members[name]]);
    const members = Object.fromEntries(own) as GroupInputs["members"];
    const way: Way = { members: names.length, roundTripMs, group: [], single: [] };
    for (let round = 0; round < options.rounds; round += 1) {
        for (const kind of ["group", "single"] as const) {
            await cloud.reset();
            await cloud.clearCalls();
            await cloud.throttle("CreateSnapshots", LIMIT);
            await cloud.setLatency("CreateSnapshots", API_MS);
            const evidence =
                kind === "group"
                    ? await ofGroup(scene, { ...inputs, members })
                    : await ofSingles({ ...inputs, members });
            const refused = (await cloud.calls()).filter(
                ({ code }) => code === "RequestLimitExceeded",
            ).length;
            way[kind].push({ ...sampleOf(evidence, kind === "group", roundTripMs), refused });
        }
    }
    console.error(`groups: ${names.length} members, ${roundTripMs} ms`);
    return way;
}

async function ofGroup(scene: GroupScene, inputs: GroupInputs): Promise<Evidence[]> {
    const outcome = await scene.createWith(inputs);
    if (outcome.state?.samePoint !== true) {
        throw outcome.error ?? new Error("the group is of no point");
    }
    await scene.remove(outcome);
    return Object.values(outcome.state.sets).map(({ evidence }) => evidence);
}

/** As many resources as the group has members, in one `pulumi up`. */
async function ofSingles({ members, ...shared }: GroupInputs): Promise<Evidence[]> {
    const log = new CapturedLog();
    const sets = await Promise.all(
        Object.values(members).map((member) =>
            create({ ...shared, ...member, owner: `${shared.owner ?? ""} ${member.instanceId}` }),
        ),
    ).finally(() => log.restore());
    await Promise.all(sets.map(({ id, outs }) => remove(id, outs)));
    return sets.map(({ outs }) => outs.evidence);
}

function sampleOf(
    evidence: readonly Evidence[],
    together: boolean,
    roundTripMs: number,
): Omit<Sample, "refused"> {
    const windows = evidence.map(({ freezeWindowMs = NaN }) => freezeWindowMs);
    const answers = evidence.map(({ apiMs = NaN }, index) => apiMs + (together ? behindBurst(index) : 0));
    const longest = Math.max(...windows);
    return {
        longest,
        spread: longest - Math.min(...windows),
        least: Math.max(...answers) + roundTripMs,
    };
}

/** The least that a request waits which goes with so many others before it. */
function behindBurst(before: number): number {
    return (Math.max(0, before - LIMIT.burst + 1) * 1000) / LIMIT.rate;
}

function figuresTable(ways: readonly Way[]): string {
    const of = (samples: readonly Sample[], key: keyof Sample) => ms(median(samples.map((one) => one[key])));
    const refused = (samples: readonly Sample[]) =>
        String(samples.reduce((sum, one) => sum + one.refused, 0));
    return table(
        [
            "members",
            "round trip",
            "longest freeze",
            "least possible",
            "spread",
            "refused",
            "as single ones: longest",
            "refused",
        ],
        ways.map(({ members, roundTripMs, group, single }) => [
            String(members),
            `${roundTripMs} ms`,
            of(group, "longest"),
            of(group, "least"),
            of(group, "spread"),
            refused(group),
            of(single, "longest"),
            refused(single),
        ]),
    );
}

void main();
