// One thing goes wrong at a random moment of a group: `npx tsx tools/groupChaos.ts [--runs 100 --seed 1]`.
import { setTimeout as sleep } from "node:timers/promises";
import { HostGroup } from "../lab/hosts/hostGroup";
import { TcpProxy } from "../lab/hosts/tcpProxy";
import { type GroupChanges, type GroupOutcome, GroupScene } from "../lab/scenes/groupScene";
import { Scene } from "../lab/scenes/scene";
import { timing } from "../provider/base/timing";
import { Random } from "./chaos/random";
import { INTERRUPTIONS } from "./interruptions";
import { ownOptions } from "./options";

const NAMES = ["db", "app", "files"];
const TIMEOUTS = { connect: 20, preFreeze: 8, freeze: 4, postThaw: 8, completion: 30 };
/** From the end of a run to a server that is awake. */
const AWAKE_LIMIT_MS = 60_000;
/** From then on to hosts on which nothing of the run is left. */
const IDLE_LIMIT_MS = 60_000;
const OPERATIONS = [
    "CreateSnapshots",
    "DescribeSnapshots",
    "DescribeVolumes",
    "DescribeInstances",
    "CreateTags",
];
const NOTE_THAW = "read -r t _ </proc/uptime; echo $t >/run/chaos-thawed";
const BLOWS = [
    "cut",
    "silent",
    "sessions",
    "process",
    "everything",
    "pause",
    "forks",
    "refuse",
    "cloud",
] as const;

const options = ownOptions("npx tsx tools/groupChaos.ts", { runs: 100, seed: 1 });

/** A member of the lab: its host behind a proxy, in a cgroup. */
interface Member {
    readonly name: string;
    readonly scene: Scene;
    readonly cgroup: HostGroup;
    proxy: TcpProxy;
}

async function main(): Promise<void> {
    Object.assign(timing, { throttlePauseMs: 500, lateAnswerMs: 3_000, visibleMs: 5_000 });
    for (const signal of INTERRUPTIONS) {
        process.once(signal, () => void Scene.stopAll().finally(() => process.exit(130)));
    }
    let failed = 0;
    let proven = 0;
    const group = await GroupScene.start(...NAMES);
    const members = NAMES.map((name) => ({
        name,
        scene: group.scene(name),
        cgroup: HostGroup.around(group.scene(name).host),
    }));
    try {
        for (let seed = options.seed; seed < options.seed + options.runs; seed += 1) {
            const proxies = await Promise.all(
                members.map(({ scene }) => TcpProxy.start({ to: scene.host.port })),
            );
            const ready = members.map((member, index) => ({ ...member, proxy: proxies[index] as TcpProxy }));
            const { text, problems, samePoint } = await runSeed(group, ready, seed);
            await Promise.all(proxies.map((proxy) => proxy.stop()));
            failed += problems.length > 0 ? 1 : 0;
            proven += samePoint ? 1 : 0;
            console.log(`seed ${seed}: ${text}${problems.length === 0 ? "" : `: ${problems.join("; ")}`}`);
        }
    } finally {
        await Scene.stopAll();
        await Promise.all(members.map(({ cgroup }) => cgroup.remove()));
    }
    console.log(`${options.runs} runs: ${proven} of one point, ${failed} with a finding`);
    process.exitCode = failed === 0 ? 0 : 1;
}

interface Seeded {
    readonly text: string;
    readonly problems: readonly string[];
    readonly samePoint: boolean;
}

/** One run in which one thing goes wrong, all that must hold afterwards, and the next run. */
async function runSeed(group: GroupScene, members: readonly Member[], seed: number): Promise<Seeded> {
    const random = new Random(seed);
    const victim = random.pick(members);
    const blow = random.pick(BLOWS);
    const afterMs = random.below(3_000);
    const lastsMs = 500 + random.below(6_000);
    const operation = random.pick(OPERATIONS);
    const how = random.pick([
        "InternalError",
        "RequestLimitExceeded",
        "UnauthorizedOperation",
        "cut",
        "never",
    ]);
    const minimum = random.pick(["crash", "application"] as const);
    for (const { scene } of members) {
        scene.host.exec("rm -f /run/chaos-frozen /run/chaos-thawed");
        scene.host.writeHooks({
            pre: `sleep 0.${random.below(9)}; read -r t _ </proc/uptime; echo $t >/run/chaos-frozen`,
            post: NOTE_THAW,
        });
    }
    await group.cloud.setLatency("CreateSnapshots", 200 + random.below(600));
    const connections = Object.fromEntries(
        members.map(({ name, proxy }) => [name, { connection: { port: proxy.port } }]),
    );
    const changes: GroupChanges = {
        members: connections,
        timeouts: TIMEOUTS,
        minimumLevel: minimum,
    };
    const creating = group.create(changes);
    if (blow === "cloud") {
        const resource = victim.scene.instance.instanceId;
        const match = operation === "CreateSnapshots" ? { resource } : { skip: random.below(6) };
        await group.cloud.fault(operation, faultOf(how), match);
    } else {
        await sleep(afterMs);
    }
    const { over } = await strike(blow, victim, lastsMs);
    const outcome = await creating;
    await over;
    const state = outcome.state ?? outcome.error?.properties;
    const problems = [
        ...(await notAwake(members, outcome)),
        ...(await falselyClaimed(group, members, outcome)),
    ];
    // A host that was never told of the cut keeps its session for hours; nobody uses it any more.
    members.forEach(({ proxy }) => {
        proxy.cut("RST");
    });
    problems.push(...(await notIdle(members)));
    const detail = blow === "cloud" ? `${operation} ${how}` : `${victim.name} ${blow} after ${afterMs} ms`;
    const ended =
        outcome.state === undefined
            ? (outcome.error?.message ?? "").split(":")[0]
            : outcome.state.consistencyLevel;
    problems.push(...(await nextRun(group, members, outcome)));
    return {
        text: `${detail}, ${minimum}: ${ended ?? ""}`,
        problems,
        samePoint: state?.samePoint === true,
    };
}

function faultOf(how: string) {
    return how === "cut" || how === "never"
        ? ({ kind: how, phase: "after" } as const)
        : ({ kind: "error", code: how, status: how === "UnauthorizedOperation" ? 403 : 503 } as const);
}

/** @returns what has to be waited for until the blow is over */
async function strike(
    blow: (typeof BLOWS)[number],
    { scene, cgroup, proxy }: Member,
    lastsMs: number,
): Promise<{ readonly over: Promise<void> }> {
    const { host } = scene;
    const until = async (undo: () => void) => {
        await sleep(lastsMs);
        undo();
    };
    switch (blow) {
        case "cut":
            proxy.cut("RST");
            break;
        case "silent":
            proxy.goSilent();
            break;
        case "sessions":
            host.killSessions();
            break;
        case "process":
            host.exec(`kill -KILL ${scene.busy.at(-1)?.pid ?? 999_999} 2>/dev/null; true`);
            break;
        case "everything":
            if (scene.busy.length > 0) {
                scene.killAll();
            }
            break;
        case "pause":
            await cgroup.pause();
            return {
                over: until(() => {
                    cgroup.resume();
                }),
            };
        case "forks":
            cgroup.denyForks();
            return {
                over: until(() => {
                    cgroup.allowForks();
                }),
            };
        case "refuse":
            host.writeHooks({ pre: "exit 3", post: NOTE_THAW });
            break;
        case "cloud":
            break;
    }
    return { over: Promise.resolve() };
}

/** Awake within the limit, or said not to be known to be so. */
async function notAwake(members: readonly Member[], { state, error }: GroupOutcome): Promise<string[]> {
    const sets = (state ?? error?.properties)?.sets ?? {};
    const problems: string[] = [];
    for (const { name, scene } of members.filter((one) => sets[one.name]?.thawPending !== true)) {
        const deadline = performance.now() + AWAKE_LIMIT_MS;
        while (scene.host.frozen && performance.now() < deadline) {
            await sleep(50);
        }
        if (scene.host.frozen) {
            problems.push(`${name} is frozen, and nobody says so`);
        }
    }
    return problems;
}

/** A guard that lost its session ends by itself; until then it has the host's lock. */
async function notIdle(members: readonly Member[]): Promise<string[]> {
    const deadline = performance.now() + IDLE_LIMIT_MS;
    const busy = () => members.filter(({ scene }) => scene.busy.length > 0);
    while (busy().length > 0 && performance.now() < deadline) {
        await sleep(50);
    }
    return busy().map(
        ({ name, scene }) => `still runs on ${name}: ${scene.busy.map(({ command }) => command).join("; ")}`,
    );
}

/** By the hosts' own clocks and the cloud's, which are the machine's: were all frozen while all sets were taken? */
async function falselyClaimed(
    group: GroupScene,
    members: readonly Member[],
    { state, error }: GroupOutcome,
): Promise<string[]> {
    if ((state ?? error?.properties)?.samePoint !== true) {
        return [];
    }
    const calls = (await group.cloud.calls()).filter(
        ({ operation, dryRun, code }) => operation === "CreateSnapshots" && !dryRun && code === "Success",
    );
    const last = calls.slice(-members.length);
    const first = Math.min(...last.map(({ receivedAt }) => receivedAt));
    const end = Math.max(...last.map(({ answeredAt }) => answeredAt ?? Infinity));
    return members.flatMap(({ name, scene }) => {
        const [frozen = NaN, thawed = NaN] = ["frozen", "thawed"].map(
            (what) => Number(scene.host.exec(`cat /run/chaos-${what}`).trim()) * 1000,
        );
        return frozen <= first && thawed + CLOCK_MS >= end
            ? []
            : [
                  `one point is claimed, but ${name} was frozen from ${frozen} to ${thawed}, and the sets taken from ${first} to ${end}`,
              ];
    });
}

/** /proc/uptime has hundredths of a second. */
const CLOCK_MS = 10;

/** As the engine does it: what is left to do, then new sets, then the old ones' end; and all invariants of a test. */
async function nextRun(
    group: GroupScene,
    members: readonly Member[],
    outcome: GroupOutcome,
): Promise<string[]> {
    const problems: string[] = [];
    await group.cloud.reset();
    members.forEach(({ scene }) => scene.host.writeHooks());
    try {
        const changes: GroupChanges = { timeouts: TIMEOUTS };
        let before: GroupOutcome | undefined;
        if ((outcome.state ?? outcome.error?.properties) !== undefined) {
            const due = group.diff(outcome, changes);
            before =
                due.changes && due.replaces.length === 0 ? await group.update(outcome, changes) : outcome;
            group.diff(before, { ...changes, triggers: ["next"] });
        }
        const next = await group.create({ ...changes, triggers: ["next"] });
        if (next.state?.samePoint !== true) {
            problems.push(`the next run: ${next.error?.message ?? "of no point"}`);
        }
        if (before !== undefined) {
            await group.remove(before);
        }
    } catch (error) {
        problems.push(`the next run: ${String(error)}`);
    }
    await group.afterEach().catch((error: unknown) => problems.push(String(error)));
    return problems;
}

void main();
