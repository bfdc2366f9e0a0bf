import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processesIn } from "../../lab/hosts/hostProcesses";
import { freeze, untilThawed } from "../bench/kill";
import { inputsBy } from "../bench/inputs";
import type { Lab, Server } from "../bench/lab";
import type { Way, Ways } from "./ways";

/** Long, so that it is not what thaws. Seconds. */
const FREEZE_LIMIT_S = 120;
const ENDED_MS = 10_000;

/** What came of a client that was stopped while it held a freeze. */
export interface Left {
    readonly thawedMs: number;
    /** The most that it and its programs had in memory. Bytes. */
    readonly clientBytes: number;
    readonly programsBytes: number;
}

/**
 * Freezes by a client of its own process, and then has everything of it get the signal at once: SIGKILL, as when a runner
 * is taken away, or SIGSTOP, as when a laptop sleeps.
 */
export async function leave(
    lab: Lab,
    ways: Ways,
    { server, way, signal }: { server: Server; way: Way; signal: "SIGKILL" | "SIGSTOP" },
): Promise<Left> {
    const inputs = inputsBy(server, way.connection(server.host.port), FREEZE_LIMIT_S);
    const { client, release } = await freeze(lab, server, inputs, ways.env);
    const programs = childrenOf(Number(client.pid));
    const everything = [Number(client.pid), ...programs];
    const left = {
        clientBytes: peakOf(Number(client.pid)),
        programsBytes: programs.reduce((sum, pid) => sum + peakOf(pid), 0),
    };
    const from = performance.now();
    try {
        sendAll(everything, signal);
        return { thawedMs: (await untilThawed(server)) - from, ...left };
    } finally {
        sendAll(everything, "SIGKILL");
        await gone(everything);
        await release();
    }
}

function childrenOf(pid: number): number[] {
    const all = processesIn("/proc");
    const below = (parent: number): number[] =>
        all.filter((one) => one.parent === parent).flatMap((one) => [one.pid, ...below(one.pid)]);
    return below(pid);
}

function peakOf(pid: number): number {
    const [, kib = "0"] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib) * 1024;
}

function sendAll(pids: readonly number[], signal: NodeJS.Signals): void {
    for (const pid of pids) {
        try {
            process.kill(pid, signal);
        } catch {
            // It is gone.
        }
    }
}

async function gone(pids: readonly number[]): Promise<void> {
    const giveUp = performance.now() + ENDED_MS;
    const lives = ({ pid, state }: { pid: number; state: string }) => pids.includes(pid) && state !== "Z";
    while (processesIn("/proc").some(lives)) {
        if (performance.now() > giveUp) {
            throw new Error("a client that was killed lives on");
        }
        await sleep(20);
    }
}
