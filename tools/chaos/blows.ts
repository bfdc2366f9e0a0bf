import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Role } from "../../lab/engine/engine";
import { isGuard } from "../../lab/hosts/guardProcesses";
import type { RunningOperation } from "../../lab/engine/project";
import type { HostProcess } from "../../lab/hosts/hostProcesses";
import { type ChaosLab, isDatabase } from "./lab";
import { type Blow, HINDERED_MS } from "./plan";
import type { Random } from "./random";

const HOUR_MS = 3_600_000;

/** After these nobody can write before the database is mended. */
export const ofDatabase: ReadonlySet<Blow> = new Set(["kill the database", "fill the database's disk"]);

/** Strikes. @returns whether there was something to strike */
export type Strike = (lab: ChaosLab, running: RunningOperation, random: Random) => boolean | Promise<boolean>;

export const strikes: Record<Blow, Strike> = {
    "kill the provider": (lab) => killEngine(lab, "dynamicProvider"),
    "end the provider": (lab) => killEngine(lab, "dynamicProvider", "SIGTERM"),
    "kill the CLI": (lab) => killEngine(lab, "cli"),
    "kill the program": (lab) => killEngine(lab, "program"),
    "kill the whole process group": ({ project }) =>
        killAll(
            project.processes().map(({ pid }) => pid),
            "SIGKILL",
        ),
    "Ctrl-C": (_lab, running) => {
        running.kill("SIGINT");
        return true;
    },
    "Ctrl-C twice": async (_lab, running) => {
        running.kill("SIGINT");
        await sleep(300);
        running.kill("SIGINT");
        return true;
    },
    "kill sshd's sessions": (lab) => killOnHost(lab, ({ command }) => /^sshd: (?!.*listener)/.test(command)),
    "kill sudo": (lab) => killOnHost(lab, ({ command }) => command.startsWith("sudo ")),
    "kill a process of the guard": (lab, _running, random) => killOneOnHost(lab, isGuard, random),
    "stop a process of the guard for 1 s": async (lab, _running, random) => {
        const pid = stopOneOfGuard(lab, random);
        await sleep(1_000);
        if (pid !== undefined) {
            signal(lab.host, pid, "SIGCONT");
        }
        return pid !== undefined;
    },
    "stop a process of the guard for good": (lab, _running, random) =>
        stopOneOfGuard(lab, random) !== undefined,
    "let no process be made for 0.5 s": (lab) => denyForks(lab, "let no process be made for 0.5 s"),
    "let no process be made for 2 s": (lab) => denyForks(lab, "let no process be made for 2 s"),
    "let no process be made for 20 s": (lab) => denyForks(lab, "let no process be made for 20 s"),
    "pause the host for 9 s": async ({ group }) => {
        await group.pause();
        await sleep(HINDERED_MS["pause the host for 9 s"]);
        group.resume();
        return true;
    },
    "kill the hook script": (lab) =>
        killOnHost(lab, ({ command }) =>
            /(pre-freeze|post-thaw)-script|\/run\/app-consistent-snapshot\/\S+\/(pre|post) /.test(command),
        ),
    "kill the database": (lab) => killOnHost(lab, ({ command }) => isDatabase(command)),
    "fill the database's disk": (lab, _running, random) => {
        lab.fill(random.pick(lab.volumes.mountPoints));
        return true;
    },
    "kill everything on the host but sshd's listener": (lab) => {
        const busy = lab.busy();
        if (busy.length === 0) {
            return false;
        }
        const pids = busy.map(({ pid }) => pid).join(" ");
        // Stopped first, so that none sees another one die.
        lab.host.exec(`kill -STOP ${pids} 2>/dev/null; kill -KILL ${pids} 2>/dev/null; true`);
        return true;
    },
    "cut the connection with FIN": (lab) => cut(lab, "FIN"),
    "cut the connection with RST": (lab) => cut(lab, "RST"),
    "cut the connection silently": ({ proxy }) => {
        const open = proxy.connections > 0;
        proxy.goSilent();
        return open;
    },
    "fill the host's /run": ({ host }) => {
        host.exec("mount -o remount,size=1m /run; cat /dev/zero >/run/filler 2>/dev/null; true");
        return true;
    },
    "step the clock forward by an hour": (lab) => stepClock(lab, HOUR_MS),
    "step the clock back by an hour": (lab) => stepClock(lab, -HOUR_MS),
    "refuse connections to the cloud for 2 s": async ({ cloud }) => {
        await cloud.refuseConnections();
        await sleep(2_000);
        await cloud.acceptConnections();
        return true;
    },
};

function killEngine({ project }: ChaosLab, role: Role, name: NodeJS.Signals = "SIGKILL"): boolean {
    const pids = project.processes().filter((process) => process.role === role);
    return killAll(
        pids.map(({ pid }) => pid),
        name,
    );
}

export function killAll(pids: readonly number[], name: NodeJS.Signals): boolean {
    for (const pid of pids) {
        try {
            process.kill(pid, name);
        } catch {
            // It ended in between.
        }
    }
    return pids.length > 0;
}

function killOnHost({ host }: ChaosLab, isMeant: (process: HostProcess) => boolean): boolean {
    const found = host.processes().filter(isMeant);
    for (const { pid } of found) {
        signal(host, pid, "SIGKILL");
    }
    return found.length > 0;
}

function killOneOnHost(
    { host }: ChaosLab,
    isMeant: (process: HostProcess) => boolean,
    random: Random,
): boolean {
    const found = host.processes().filter(isMeant);
    if (found.length > 0) {
        signal(host, random.pick(found).pid, "SIGKILL");
    }
    return found.length > 0;
}

/** @returns its number, unless there is none */
function stopOneOfGuard({ host }: ChaosLab, random: Random): number | undefined {
    const guards = host.processes().filter(isGuard);
    if (guards.length === 0) {
        return undefined;
    }
    const { pid } = random.pick(guards);
    signal(host, pid, "SIGSTOP");
    return pid;
}

/** @returns whether anything wanted to make one */
async function denyForks({ group }: ChaosLab, blow: Blow): Promise<boolean> {
    const before = group.failedForks;
    group.denyForks();
    await sleep(HINDERED_MS[blow]);
    group.allowForks();
    return group.failedForks > before;
}

function signal(host: ChaosLab["host"], pid: number, name: NodeJS.Signals): void {
    try {
        host.signal(pid, name);
    } catch {
        // It ended in between.
    }
}

function cut({ proxy }: ChaosLab, how: "FIN" | "RST"): boolean {
    const open = proxy.connections > 0;
    proxy.cut(how);
    return open;
}

function stepClock({ clockFile }: ChaosLab, byMs: number): boolean {
    writeFileSync(clockFile, String(byMs));
    return true;
}
