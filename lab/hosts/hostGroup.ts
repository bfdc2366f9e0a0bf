import { randomUUID } from "node:crypto";
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

const ROOT = "/sys/fs/cgroup";
const REMOVE_TRIES = 100;
const PAUSE_TRIES = 1_000;

/** cgroup v1 has a hierarchy for each controller; in v2 one folder has all files, and a group is frozen by another one. */
interface Folders {
    readonly pids: string;
    readonly freezer: string;
    /** The freezer's file, and what it says when it holds the group, and when it does not. */
    readonly freeze: { readonly file: string; readonly frozen: string; readonly thawed: string };
}

/**
 * A cgroup around all of a host. In it forks can fail, as a limit of processes or a lack of memory makes them fail; and
 * the whole host can be paused, as a hypervisor does it: no process of it notices.
 */
export class HostGroup {
    private constructor(
        private readonly host: SshHost,
        private readonly folders: Folders,
    ) {}

    /** Needs root. */
    static around(host: SshHost): HostGroup {
        // Lanes have processes of their own, so their numbers are the same; the cgroups are the machine's.
        const folders = foldersOf(`acs-test-${randomUUID()}`);
        for (const folder of allOf(folders)) {
            mkdirSync(folder);
        }
        const group = new HostGroup(host, folders);
        group.gather();
        return group;
    }

    /** Takes in what has been started from outside of the host since. */
    gather(): void {
        for (const pid of processesOf(this.host)) {
            for (const folder of allOf(this.folders)) {
                enter(folder, pid);
            }
        }
    }

    /** From now on no process of the host can make another one. */
    denyForks(): void {
        writeFileSync(join(this.folders.pids, "pids.max"), "1");
    }

    /** From now on the host can have so many processes more than it has. */
    leaveForks(more: number): void {
        const now = Number(readFileSync(join(this.folders.pids, "pids.current"), "utf8"));
        writeFileSync(join(this.folders.pids, "pids.max"), String(now + more));
    }

    allowForks(): void {
        writeFileSync(join(this.folders.pids, "pids.max"), "max");
    }

    /** How many forks have failed in it so far. */
    get failedForks(): number {
        return Number(
            /max (\d+)/.exec(readFileSync(join(this.folders.pids, "pids.events"), "utf8"))?.[1] ?? "0",
        );
    }

    /** @returns when nothing of the host runs any more */
    async pause(): Promise<void> {
        const { file, frozen } = this.folders.freeze;
        for (let tries = 0; !this.#isPaused(); tries += 1) {
            if (tries === PAUSE_TRIES) {
                throw new Error("the host's processes do not pause");
            }
            // Of v1: once more, where a process was just being made.
            writeFileSync(file, frozen);
            await sleep(5);
        }
    }

    #isPaused(): boolean {
        const { file } = this.folders.freeze;
        return file.endsWith("freezer.state")
            ? readFileSync(file, "utf8").trim() === "FROZEN"
            : readFileSync(join(this.folders.freezer, "cgroup.events"), "utf8").includes("frozen 1");
    }

    resume(): void {
        const { file, thawed } = this.folders.freeze;
        writeFileSync(file, thawed);
    }

    /** When the host has ended. */
    async remove(): Promise<void> {
        for (const folder of allOf(this.folders)) {
            await removeFolder(folder);
        }
    }
}

function allOf({ pids, freezer }: Folders): ReadonlySet<string> {
    return new Set([pids, freezer]);
}

async function removeFolder(folder: string): Promise<void> {
    for (let tries = 0; ; tries += 1) {
        try {
            rmdirSync(folder);
            return;
        } catch (error) {
            if (tries === REMOVE_TRIES) {
                throw error;
            }
            await sleep(50);
        }
    }
}

/** A process may have ended in between. */
function enter(folder: string, pid: string): void {
    try {
        writeFileSync(join(folder, "cgroup.procs"), pid);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}

function foldersOf(name: string): Folders {
    if (existsSync(join(ROOT, "pids"))) {
        const freezer = join(ROOT, "freezer", name);
        const freeze = { file: join(freezer, "freezer.state"), frozen: "FROZEN", thawed: "THAWED" };
        return { pids: join(ROOT, "pids", name), freezer, freeze };
    }
    // In v2 a controller is switched on for what is below.
    writeFileSync(join(ROOT, "cgroup.subtree_control"), "+pids");
    const folder = join(ROOT, name);
    const freeze = { file: join(folder, "cgroup.freeze"), frozen: "1", thawed: "0" };
    return { pids: folder, freezer: folder, freeze };
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
