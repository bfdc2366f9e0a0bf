import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SnapshotInputs } from "../../provider/inputs/inputs";
import { inputsFor } from "./inputs";
import type { Lab, Server } from "./lab";

const VOLUMES = 3;
const LOOK_INTERVAL_MS = 1;
const LIMIT_MS = 60_000;

/** Milliseconds from the SIGKILL of the whole client, while frozen, to the end of post-thaw. */
export async function thawAfterKill(lab: Lab): Promise<number> {
    const server = await lab.server(VOLUMES);
    await lab.cloud.reset();
    const { client } = await freeze(lab, server, inputsFor(server, server.host.port));
    const killed = performance.now();
    client.kill("SIGKILL");
    return (await untilThawed(server)) - killed;
}

/** Milliseconds from the freeze to the end of post-thaw, when client and network are gone and the host is not told. */
export async function thawAfterSilence(lab: Lab, freezeLimitS: number): Promise<number> {
    const server = await lab.server(VOLUMES);
    const proxy = await server.proxy(0);
    await lab.cloud.reset();
    const { client, frozenAt } = await freeze(lab, server, inputsFor(server, proxy.port, freezeLimitS));
    proxy.goSilent();
    client.kill("SIGKILL");
    return (await untilThawed(server)) - frozenAt;
}

/** Runs a client up to its CreateSnapshots, which gets no answer. */
export async function freeze(
    lab: Lab,
    server: Server,
    inputs: SnapshotInputs,
    env: NodeJS.ProcessEnv = {},
): Promise<{ client: ChildProcess; frozenAt: number; release: () => Promise<void> }> {
    const { cloud } = lab;
    const gate = await cloud.gate("CreateSnapshots");
    const frozen = until(server, true);
    const client = spawn(process.execPath, ["--import", "tsx", join(__dirname, "killedClient.ts")], {
        env: { ...cloud.env, PATH: process.env.PATH, ...env },
        stdio: ["pipe", "ignore", "inherit"],
    });
    client.stdin.end(JSON.stringify(inputs));
    const early = once(client, "exit").then(() => "ended" as const);
    const first = await Promise.race([gate.reached({ limitMs: LIMIT_MS }), early]);
    if (first === "ended") {
        throw new Error("the client ended before it could be killed");
    }
    return { client, frozenAt: await frozen, release: () => gate.release() };
}

export async function untilThawed(server: Server): Promise<number> {
    const at = await until(server, false);
    await server.host.waitFor(/^thawed/);
    await server.host.until(() => server.host.stateLeft.length === 0, { what: "a clean host" });
    return at;
}

/** When the host was first seen frozen, or not frozen. */
async function until({ host }: Server, frozen: boolean): Promise<number> {
    const file = host.path(host.frozenPath);
    const deadline = performance.now() + LIMIT_MS;
    while (existsSync(file) !== frozen) {
        if (performance.now() > deadline) {
            throw new Error(`not ${frozen ? "frozen" : "thawed"} in time`);
        }
        await sleep(LOOK_INTERVAL_MS);
    }
    return performance.now();
}
