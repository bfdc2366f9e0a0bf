import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { cpus } from "node:os";
import { LocalSystemsManager } from "../../lab/cloud/localSystemsManager";
import { startSshHost } from "../../lab/hosts/sshHost";
import { takeSnapshot } from "../../provider/run/takeSnapshots";
import { connectionTo, inputsBy } from "../bench/inputs";
import type { Lab, Server } from "../bench/lab";
import { runWith } from "../bench/methods";

const VOLUMES = 1;
const FREEZE_LIMIT_S = 120;
const LIMIT_MS = 120_000;
const BLOCKED_MS = 2_000;
const TIMES = 3;
/** What a busy process has between: a few turns of its loop, in which it does what has become due. */
const BETWEEN_MS = 100;

type Target = Pick<Server, "instance" | "host">;

/** What came of freezes of which all were held at once, by a process that was busy meanwhile. */
export interface Held {
    readonly way: string;
    readonly held: number;
    readonly of: number;
    readonly longestMs: number;
}

/**
 * Freezes so many servers at once. While all are frozen, nothing of this process goes on for 2 s, three times with 0.1 s
 * between, and other programs take all processors.
 */
export async function holdMany(lab: Lab, count: number): Promise<Held[]> {
    // Each host ends when this process does.
    process.setMaxListeners(process.getMaxListeners() + count);
    const manager = new LocalSystemsManager(lab.cloud);
    const servers = await Promise.all(
        Array.from({ length: count }, async (): Promise<Target> => {
            const instance = await lab.cloud.createInstance({ volumes: VOLUMES });
            await manager.manage(instance.instanceId, { platformType: "Linux" });
            const host = await startSshHost({ instanceId: instance.instanceId });
            host.writeHooks();
            return { instance, host };
        }),
    );
    const others = Array.from({ length: cpus().length }, () =>
        spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
    );
    try {
        return [
            await held(lab, "TCP", servers, (server) => connectionTo(server, server.host.port)),
            await held(lab, "session-manager", servers, (server) => {
                const { host: _address, ...found } = connectionTo(server, server.host.port);
                return { ...found, tunnel: { via: "session-manager" } };
            }),
        ];
    } finally {
        await Promise.all(others.map(end));
        await Promise.all(servers.map(({ host }) => host.stop()));
    }
}

async function held(
    { cloud }: Lab,
    way: string,
    servers: readonly Target[],
    connection: (server: Target) => Parameters<typeof inputsBy>[1],
): Promise<Held> {
    const gate = await cloud.gate("CreateSnapshots", { times: null });
    const runs = Promise.allSettled(
        servers.map(async (server) =>
            takeSnapshot(await runWith(inputsBy(server, connection(server), FREEZE_LIMIT_S))),
        ),
    );
    await gate.reached({ count: servers.length, limitMs: LIMIT_MS });
    for (let times = 0; times < TIMES; times += 1) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
        await sleep(BETWEEN_MS);
    }
    await gate.release();
    const evidence = (await runs).flatMap((run) => (run.status === "fulfilled" ? [run.value.evidence] : []));
    await cloud.reset();
    return {
        way,
        held: evidence.filter((one) => one.held === true).length,
        of: servers.length,
        longestMs: Math.max(...evidence.map(({ freezeWindowMs }) => freezeWindowMs ?? 0)),
    };
}

async function end(child: ChildProcess): Promise<void> {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
}
