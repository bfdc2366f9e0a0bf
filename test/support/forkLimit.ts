import {
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    rmdirSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SshHost } from "./sshHost";

let groups = 0;

/** Makes forks on a host fail, as a limit of processes or a lack of memory does: a pids cgroup around all of it. */
export class ForkLimit {
    private constructor(private readonly folder: string) {}

    /** Puts the host into a cgroup of its own. Needs root. */
    static around(host: SshHost): ForkLimit {
        const folder = join(pidsHierarchy(), `acs-test-${process.pid}-${(groups += 1)}`);
        mkdirSync(folder);
        for (const pid of processesOf(host)) {
            writeFileSync(join(folder, "cgroup.procs"), String(pid));
        }
        return new ForkLimit(folder);
    }

    /** From now on no process of the host can make another one. */
    deny(): void {
        writeFileSync(join(this.folder, "pids.max"), "1");
    }

    allow(): void {
        writeFileSync(join(this.folder, "pids.max"), "max");
    }

    /** How many forks have failed in it so far. */
    get failures(): number {
        return Number(/max (\d+)/.exec(readFileSync(join(this.folder, "pids.events"), "utf8"))?.[1] ?? "0");
    }

    /** When the host has ended. */
    async remove(): Promise<void> {
        for (let tries = 0; ; tries += 1) {
            try {
                rmdirSync(this.folder);
                return;
            } catch (error) {
                if (tries === 100) {
                    throw error;
                }
                await sleep(50);
            }
        }
    }
}

/** cgroup v1 has a hierarchy for each controller; in v2 it is switched on for what is below the root. */
function pidsHierarchy(): string {
    const first = "/sys/fs/cgroup/pids";
    if (existsSync(first)) {
        return first;
    }
    writeFileSync("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
    return "/sys/fs/cgroup";
}

function processesOf(host: SshHost): string[] {
    const namespace = readlinkSync(`/proc/${host.pid}/ns/pid_for_children`);
    return readdirSync("/proc").filter((name) => {
        try {
            return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/pid`) === namespace;
        } catch {
            return false;
        }
    });
}
