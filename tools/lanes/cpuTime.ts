import { readdirSync, readFileSync } from "node:fs";

/** Of a second, in /proc: the same on all machines that Linux runs on today. */
const TICKS = 100;
/** Of the fields after the name: the parent, and from the first time on four, the last two of which are of children. */
const [PARENT, TIMES] = [1, 11];

interface Spent {
    readonly parent: number;
    readonly seconds: number;
}

/**
 * Processor seconds of a process and of all that descends from it, also of those that have ended.
 *
 * @param root its own parent, by default: in a lane that is the first process, to which orphans go
 * @returns where there is no /proc, those of this process alone
 */
export function cpuTime(root = process.ppid): number {
    const processes = spentOf();
    if (processes.size === 0) {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
    }
    const descends = (pid: number): boolean => {
        const parent = processes.get(pid)?.parent;
        return pid === root || (parent !== undefined && descends(parent));
    };
    return [...processes].reduce((sum, [pid, { seconds }]) => sum + (descends(pid) ? seconds : 0), 0);
}

function spentOf(): Map<number, Spent> {
    const processes = new Map<number, Spent>();
    for (const name of namesIn("/proc")) {
        const spent = /^\d+$/.test(name) ? statOf(name) : undefined;
        if (spent !== undefined) {
            processes.set(Number(name), spent);
        }
    }
    return processes;
}

function namesIn(folder: string): string[] {
    try {
        return readdirSync(folder);
    } catch {
        return [];
    }
}

function statOf(pid: string): Spent | undefined {
    try {
        // The name before it may hold spaces.
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
            .replace(/^.*\) /s, "")
            .split(" ")
            .map(Number);
        const times = fields.slice(TIMES, TIMES + 4);
        return { parent: fields[PARENT] ?? 0, seconds: times.reduce((sum, ticks) => sum + ticks, 0) / TICKS };
    } catch {
        return undefined; // It has ended in between.
    }
}
