import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lab, hooksOf, programOf, startLab, succeeded } from "../../test/support/e2e";
import type { LocalCloud } from "../../test/support/localCloud";
import type { Project } from "../../test/support/project";
import type { HostProcess, SshHost } from "../../test/support/sshHost";
import { TcpProxy } from "../../test/support/tcpProxy";

/** Short, and long enough for a machine that does other things too. Seconds. */
export const TIMEOUTS = { connect: 60, preFreeze: 8, freeze: 6, postThaw: 8, completion: 60 };
/** By which a phase is long enough to be struck in. */
const HOOK_S = 0.3;
const API_MS = 200;

/** Seconds since boot, by the host's own clock. */
const NOW = "$(cut -d' ' -f1 /proc/uptime)";

/** What one seed after the other is tried on: a cloud, a server behind a proxy, a stack of the real engine. */
export class ChaosLab {
    #run = 0;
    readonly #idle: ReadonlySet<number>;

    private constructor(
        private readonly lab: Lab,
        readonly project: Project,
        readonly proxy: TcpProxy,
        private readonly folder: string,
    ) {
        this.#idle = new Set(this.host.processes().map(({ pid }) => pid));
    }

    static async start(): Promise<ChaosLab> {
        const folder = mkdtempSync(join(tmpdir(), "chaos-"));
        const lab = await startLab();
        const proxy = await TcpProxy.start({ to: lab.server.host.port });
        const project = await lab.project({
            program: "",
            env: {
                NODE_OPTIONS: `--require ${join(__dirname, "steppedClock.cjs")}`,
                CHAOS_CLOCK: join(folder, "clock"),
            },
        });
        const chaos = new ChaosLab(lab, project, proxy, folder);
        await chaos.restore();
        chaos.nextSet();
        succeeded(await project.up());
        return chaos;
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

    /** The next `up` takes a set, in the place of the one before. */
    nextSet(): void {
        this.#run += 1;
        const { server } = this.lab;
        const args = hooksOf(server);
        const connection = { ...(args.quiesce["connection"] as object), port: this.proxy.port };
        const quiesce = { ...args.quiesce, connection };
        this.project.setProgram(programOf({ ...args, quiesce, timeouts: TIMEOUTS, triggers: [this.#run] }));
    }

    /** Everything is well again, but for what runs have left. */
    async restore(): Promise<void> {
        const { cloud, host } = this;
        await cloud.reset();
        await cloud.clearCalls();
        await cloud.setLatency("CreateSnapshots", { before: API_MS, after: API_MS });
        rmSync(this.clockFile, { force: true });
        host.exec(`rm -f /run/filler ${host.eventsPath}; mount -o remount,size=64m /run`);
        host.writeHooks({
            pre: `sleep ${HOOK_S}; echo "frozen ${NOW}" >>${host.eventsPath}`,
            post: `echo "thawing ${NOW}" >>${host.eventsPath}; sleep ${HOOK_S}`,
        });
    }

    /** What runs on the host, besides what always does. */
    busy(): HostProcess[] {
        // What this looks with has no parent on the host.
        return this.host.processes().filter(({ pid, parent }) => !this.#idle.has(pid) && parent !== 0);
    }

    /** Mounts of the host, and what lies in its /run beside the tests' own. */
    left(): string[] {
        const own = new RegExp(`^/run/(test-|filler|host-overlay|sudo|sshd|lock)|^/run$`);
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
        await this.lab.stop();
        await this.proxy.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

/** Milliseconds of `process.hrtime`, as `receivedAt` of the cloud's calls, for seconds of /proc/uptime. */
export function monotonicOf(uptimeS: number): number {
    const [uptime = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
    const bootMs = Number(process.hrtime.bigint()) / 1e6 - Number(uptime) * 1000;
    return uptimeS * 1000 + bootMs;
}
