import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineProcess, nodeEnvironment } from "../../lab/engine/engine";
import { type Lab, connectionOf, programOf, startLab, succeeded } from "../../lab/engine/e2e";
import { HostGroup } from "../../lab/hosts/hostGroup";
import type { LocalCloud } from "../../lab/cloud/localCloud";
import type { Project } from "../../lab/engine/project";
import type { HostProcess } from "../../lab/hosts/hostProcesses";
import type { SshHost } from "../../lab/hosts/sshHost";
import { TcpProxy } from "../../lab/hosts/tcpProxy";
import { type Volumes, mountVolumes } from "../../lab/volumes/volumes";
import { forgetAll, isRunning, postgresql, restart } from "../prove/postgresql";
import { Writers } from "../prove/writer";
import { DAEMON, PAIRS, PAIR_FILES, type Pair, type PairName, pairOf } from "./pairs";

/** Short, and long enough for a machine that does other things too. Seconds. */
export const TIMEOUTS = { connect: 60, preFreeze: 8, freeze: 6, postThaw: 8, completion: 60 };
/** By which a phase is long enough to be struck in. */
const HOOK_S = 0.3;
const API_MS = 200;

/** Then the watchdog thaws: far behind the limit after which a frozen server is a finding. */
const LONGEST_FREEZE_S = 240;
/** An `up` is of interest only while somebody writes. */
const WRITTEN = 20;
/** Leaves the processors to what is tried. */
const WRITER_PAUSE_MS = 10;

/** By what scripts an `up` freezes, and whether it sends them itself. */
export interface Freezing {
    readonly pair: PairName;
    readonly inline: boolean;
}

/** Where the scripts of a pair lie. The hooks tell the lab what happens to the host, and call them. */
const pathsOf = (name: PairName) => {
    const base = `/usr/sbin/chaos-pair-${PAIRS.indexOf(name)}`;
    return { pre: `${base}-pre-freeze-script`, post: `${base}-post-thaw-script` };
};

/** Seconds since boot, by the host's own clock. */
const NOW = "$(cut -d' ' -f1 /proc/uptime)";

/**
 * What one seed after the other is tried on: a cloud, a server behind a proxy with a database on real volumes that is
 * written to, a stack of the real engine.
 */
export class ChaosLab {
    #run = 0;
    #writers: Writers | undefined;
    #filling: ChildProcess | undefined;
    readonly #idle: ReadonlySet<number>;
    /** Around all of the host. */
    readonly group: HostGroup;

    private constructor(
        private readonly lab: Lab,
        readonly project: Project,
        readonly proxy: TcpProxy,
        readonly volumes: Volumes,
        private readonly folder: string,
    ) {
        this.#idle = new Set(this.host.processes().map(({ pid }) => pid));
        this.group = HostGroup.around(this.host);
    }

    static async start(): Promise<ChaosLab> {
        const folder = mkdtempSync(join(tmpdir(), "chaos-"));
        const lab = await startLab();
        const proxy = await TcpProxy.start({ to: lab.server.host.port });
        const project = await lab.project({
            program: "",
            env: {
                ...nodeEnvironment([
                    join(__dirname, "steppedClock.cjs"),
                    join(__dirname, "packageLoaded.cjs"),
                ]),
                CHAOS_CLOCK: join(folder, "clock"),
                CHAOS_LOADED: folder,
            },
        });
        const { host, instance } = lab.server;
        const volumes = await mountVolumes(lab.cloud, instance, host, postgresql.volumes);
        await postgresql.start(host);
        // What is told of a freeze is told also when /run is full.
        host.exec(`: >/mnt/events; : >${host.eventsPath}; mount --bind /mnt/events ${host.eventsPath}`);
        const chaos = new ChaosLab(lab, project, proxy, volumes, folder);
        chaos.#writePairs();
        host.exec(`touch ${chaos.#probes}`);
        await chaos.restore();
        chaos.nextSet({ pair: "recipe", inline: false });
        succeeded(await project.up());
        return chaos;
    }

    /** Of the writers that `restore` started. */
    get writers(): Writers {
        if (this.#writers === undefined) {
            throw new TypeError("nobody writes before restore()");
        }
        return this.#writers;
    }

    get cloud(): LocalCloud {
        return this.lab.cloud;
    }

    get host(): SshHost {
        return this.lab.server.host;
    }

    /** How far the clock of the engine's processes is off, in milliseconds. */
    get clockFile(): string {
        return join(this.folder, "clock");
    }

    /** Whether anything of this package is in a process of the engine. */
    hasLoadedPackage({ pid }: EngineProcess): boolean {
        return existsSync(join(this.folder, String(pid)));
    }

    /** The next `up` takes a set, in the place of the one before. Inline scripts are put into the host's /run for it. */
    nextSet({ pair: name, inline }: Freezing): void {
        this.#run += 1;
        const { instanceId, host } = this.lab.server;
        const hooks = this.#hooksOf(name);
        host.writeScript(host.preFreezePath, hooks.pre);
        host.writeScript(host.postThawPath, hooks.post);
        const { recipe } = this.#pair(name);
        const quiesce = {
            method: "hooks",
            connection: { ...connectionOf(host), port: this.proxy.port },
            scripts: {
                preFreeze: inline ? { script: hooks.pre } : { path: host.preFreezePath },
                postThaw: inline ? { script: hooks.post } : { path: host.postThawPath },
                level: "application",
                ...(recipe === undefined ? {} : { recipe }),
            },
        };
        this.project.setProgram(
            programOf({ instanceId, quiesce, timeouts: TIMEOUTS, triggers: [this.#run] }),
        );
    }

    /** Everything is well again, but for what runs have left: writers write, from number 1. */
    async restore(): Promise<void> {
        const { cloud, host, group } = this;
        group.allowForks();
        group.resume();
        await this.volumes.thawAfter(LONGEST_FREEZE_S);
        await cloud.reset();
        await cloud.clearCalls();
        await cloud.setLatency("CreateSnapshots", { before: API_MS, after: API_MS });
        rmSync(this.clockFile, { force: true });
        host.exec(
            `rm -f /run/filler ${PAIR_FILES}*; : >${host.eventsPath}; mount -o remount,size=64m /run; ` +
                `pkill -f "^${DAEMON}" || true`,
        );
        await this.restoreDatabase();
    }

    /** It runs, and is written to; all that was written before is forgotten. */
    async restoreDatabase(): Promise<void> {
        const { host } = this;
        await this.#writers?.stop().catch(() => undefined);
        await this.#endFilling();
        if (!(await isRunning(host))) {
            await restart(host);
        }
        await forgetAll(host);
        this.group.gather();
        this.#writers = Writers.start(host, postgresql, WRITER_PAUSE_MS);
        await this.#writers.progress(WRITTEN);
    }

    #pair(name: PairName): Pair {
        return pairOf(name, (what) => this.#toTell(what));
    }

    #writePairs(): void {
        const { host } = this;
        for (const name of PAIRS) {
            const [{ pre, post }, pair] = [pathsOf(name), this.#pair(name)];
            host.writeScript(pre, pair.preFreeze);
            host.writeScript(post, pair.postThaw);
        }
        host.exec(`cp /bin/sleep ${DAEMON}`);
    }

    /** A shell command after which the lab knows. */
    #toTell(what: "freezing" | "frozen" | "thawing" | "awake"): string {
        const { host } = this;
        const tell = `echo "${what} ${NOW}" >>${host.eventsPath}`;
        return what === "awake" ? `rm -f ${host.frozenPath} && ${tell}` : tell;
    }

    /** A pair's scripts, within what tells the lab when the host was frozen. */
    #hooksOf(name: PairName): { pre: string; post: string } {
        const { host } = this;
        const { pre, post } = pathsOf(name);
        const says = (what: string) => `echo "${what}" >>${host.eventsPath}`;
        return {
            pre: `#!/bin/sh
[ "$1" = check ] && exec ${pre} check
${says("pre $1")}
${this.#toTell("freezing")}
: >${host.frozenPath}
${pre} "$1" || exit
sleep ${HOOK_S}
${this.#toTell("frozen")}
`,
            post: `#!/bin/sh
${says("post $1")}
${this.#toTell("thawing")}
${post} "$1"
code=$?
sleep ${HOOK_S}
case $code in 0 | 205) ${says("thawed $1")} && ${this.#toTell("awake")} ;; esac
exit $code
`,
        };
    }

    /** There from the beginning: so it can be touched on a full volume, too. */
    get #probes(): string {
        return this.volumes.mountPoints.map((one) => `${one}/probe`).join(" ");
    }

    /** Whether each volume can be written to within the limit. What has to wait goes on after the thaw. */
    async isAwake(limitMs: number): Promise<boolean> {
        const [command, args] = this.host.commandLine(`touch ${this.#probes}`);
        const probe = spawn(command, args, { stdio: "ignore" });
        return await once(probe, "exit", { signal: AbortSignal.timeout(Math.ceil(limitMs)) }).then(
            ([code]) => code === 0,
            () => false,
        );
    }

    /** Fills a volume. While it is frozen that has to wait, so nobody waits for it but `restoreDatabase`. */
    fill(mountPoint: string): void {
        const [command, args] = this.host.commandLine(
            `fallocate -l "$(df --output=avail -B1 ${mountPoint} | tail -n 1)" ${mountPoint}/filler; ` +
                `cat /dev/zero >>${mountPoint}/filler; true`,
        );
        this.#filling = spawn(command, args, { stdio: "ignore" });
    }

    async #endFilling(): Promise<void> {
        const filling = this.#filling;
        if (filling === undefined) {
            return;
        }
        this.#filling = undefined;
        if (filling.exitCode === null) {
            await once(filling, "exit", { signal: AbortSignal.timeout(LONGEST_FREEZE_S * 1000) });
        }
        this.host.exec(`rm -f ${fillersOf(this.volumes)}`);
    }

    /** What runs on the host, besides what always does. */
    busy(): HostProcess[] {
        const all = this.host.processes();
        return all.filter(
            ({ pid, command, ...one }) =>
                !this.#idle.has(pid) &&
                !isDatabase(command) &&
                !command.startsWith(DAEMON) &&
                !isFromOutside({ pid, command, ...one }, all),
        );
    }

    /** Mounts of the host, and what lies in its /run beside the tests' own. */
    left(): string[] {
        const own = new RegExp(
            `^/run/(test-|filler|host-overlay|sudo|sshd|lock|volume-store|postgresql|fsfreeze)|^/run$`,
        );
        const files = this.host
            .exec("find /run")
            .split("\n")
            .filter((file) => file !== "" && !own.test(file));
        return [...files, ...this.#mounts()];
    }

    #mounts(): string[] {
        return this.host.exec("cut -d' ' -f2,3 /proc/mounts").split("\n").filter(Boolean).sort();
    }

    async stop(): Promise<void> {
        this.group.allowForks();
        // What is paused cannot even be killed.
        this.group.resume();
        await this.volumes.stop();
        await this.#writers?.stop().catch(() => undefined);
        await this.lab.stop();
        await this.group.remove();
        await this.proxy.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

/** What `fill` may have put on the volumes, as arguments of a shell command. */
export function fillersOf({ mountPoints }: Volumes): string {
    return mountPoints.map((one) => `${one}/filler`).join(" ");
}

export function isDatabase(command: string): boolean {
    return /^(\S*\/)?postgres(:| |$)/.test(command);
}

/** What looks, and what writes, comes from outside of the host: it has, or what started it has, no parent there. */
function isFromOutside({ pid, parent }: HostProcess, all: readonly HostProcess[]): boolean {
    if (parent === 0) {
        return pid !== 1;
    }
    const starter = all.find((one) => one.pid === parent);
    return starter !== undefined && isFromOutside(starter, all);
}

/** Milliseconds of `process.hrtime`, as `receivedAt` of the cloud's calls, for seconds of /proc/uptime. */
export function monotonicOf(uptimeS: number): number {
    const [uptime = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
    const bootMs = monotonicNow() - Number(uptime) * 1000;
    return uptimeS * 1000 + bootMs;
}

export function monotonicNow(): number {
    return Number(process.hrtime.bigint()) / 1e6;
}
