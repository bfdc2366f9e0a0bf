import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence, SnapshotInfo } from "../../index";
import { type Lab, type Server, connectionOf, startLab, succeeded } from "../../lab/engine/e2e";
import { type Volumes, hostRun, mountVolumes } from "../../lab/volumes/volumes";
import { type LedgerVerdict, Transfers, judgeLedger } from "./ledger";
import { postgresql } from "./postgresql";
import { LONGEST_RUN_S, RANDOM_MS } from "./trials";

/** How the two sets are taken. */
export const WAYS = ["group", "at the same time", "one after the other"] as const;
export type Way = (typeof WAYS)[number];

export interface PairResult {
    readonly levels: readonly string[];
    readonly samePoint: boolean | undefined;
    readonly longestFreezeMs: number;
    readonly verdict: LedgerVerdict;
}

interface Member {
    readonly server: Server;
    readonly volumes: Volumes;
}

interface TakenSet {
    readonly snapshots: SnapshotInfo[];
    readonly consistencyLevel: string;
    readonly evidence: Evidence;
}

/** Takes both sets of two databases between which transfers run, by a `pulumi up` each time, and restores each pair. */
export async function runPairs(
    way: Way,
    runs: number,
    log: (line: string) => void = () => undefined,
): Promise<PairResult[]> {
    const lab = await startLab();
    const members: Member[] = [];
    let transfers: Transfers | undefined;
    try {
        for (const server of [lab.server, await lab.addServer()]) {
            const volumes = await mountVolumes(lab.cloud, server.instance, server.host, postgresql.volumes);
            members.push({ server, volumes });
            await postgresql.start(server.host);
            await hostRun(server.host, `sync -f ${volumes.mountPoints.join(" ")}`);
        }
        const [from, to] = members as [Member, Member];
        transfers = Transfers.start(from.server.host, to.server.host);
        const results: PairResult[] = [];
        for (let run = 1; run <= runs; run += 1) {
            transfers.resume();
            await sleep(Math.random() * RANDOM_MS);
            const result = await pair(lab, way, run, from, to, transfers);
            log(`${way}, ${run} of ${runs}: ${JSON.stringify(result)}`);
            results.push(result);
        }
        return results;
    } finally {
        await Promise.all(members.map(({ volumes }) => volumes.stop()));
        await transfers?.stop().catch(() => undefined);
        await lab.stop();
    }
}

async function pair(
    lab: Lab,
    way: Way,
    run: number,
    from: Member,
    to: Member,
    transfers: Transfers,
): Promise<PairResult> {
    const both = [from, to];
    await Promise.all(both.map(({ volumes }) => volumes.thawAfter(LONGEST_RUN_S)));
    const project = await lab.project({ program: programOf(way, run, from.server, to.server) });
    succeeded(await project.up());
    await Promise.all(both.map(({ volumes }) => volumes.stayAwake()));
    transfers.pause();
    const outputs = (await project.outputs()) as { sets: [TakenSet, TakenSet]; samePoint?: boolean };
    const { sets } = outputs;
    const firstRequestAt = Math.min(...sets.map(({ evidence }) => Date.parse(evidence.requestedAt ?? "")));
    const numbers = [];
    for (const [index, { volumes }] of both.entries()) {
        const restored = await volumes.restore(sets[index]?.snapshots ?? []);
        try {
            numbers.push((await postgresql.read(volumes, restored)).numbers);
        } finally {
            for (const volume of restored) {
                await volumes.discard(volume);
            }
        }
    }
    const [left = [], arrived = []] = numbers;
    succeeded(await project.destroy());
    return {
        levels: sets.map(({ consistencyLevel }) => consistencyLevel),
        samePoint: outputs.samePoint,
        longestFreezeMs: Math.max(...sets.map(({ evidence }) => evidence.freezeWindowMs ?? 0)),
        verdict: judgeLedger(left, arrived, transfers.logs, firstRequestAt),
    };
}

function programOf(way: Way, run: number, from: Server, to: Server): string {
    const member = ({ instanceId, host }: Server) => `{
    instanceId: ${JSON.stringify(instanceId)},
    quiesce: {
        method: "hooks" as const,
        connection: ${JSON.stringify(connectionOf(host))},
        scripts: ${postgresql.recipe},
    },
}`;
    const head = `import { AppConsistentSnapshot, AppConsistentSnapshotGroup, recipes } from "pulumi-app-consistent-snapshot";
void [AppConsistentSnapshot, AppConsistentSnapshotGroup];
const [from, to] = [${member(from)}, ${member(to)}];
const triggers = [${run}];
`;
    if (way === "group") {
        return `${head}
const group = new AppConsistentSnapshotGroup("ledger", { members: { from, to }, triggers });
export const { samePoint } = group;
export const sets = group.members.apply(({ from, to }) => [from, to]);
`;
    }
    return `${head}
const first = new AppConsistentSnapshot("from", { ...from, triggers });
const second = new AppConsistentSnapshot("to", { ...to, triggers }, ${way === "at the same time" ? "{}" : "{ dependsOn: first }"});
export const sets = [first, second].map(({ snapshots, consistencyLevel, evidence }) => ({ snapshots, consistencyLevel, evidence }));
`;
}
