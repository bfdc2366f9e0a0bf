import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import { ROOT } from "../engine/engine";
import { freePort } from "../hosts/freePort";
import { machineFolder } from "../setup/setupMachine.mjs";
import {
    diskOf,
    instanceStoreCommands,
    qemuArguments,
    type MachineVolume,
    type QemuSettings,
} from "./qemuArguments";
import { Qmp } from "./qmp";

/** Emulated, on a machine that does other things as well, a boot can take minutes. */
const BOOT_LIMIT_MS = 900_000;
/**
 * On a busy machine the BIOS now and then waits for ever for the second processor, whose start was lost. A kernel says
 * something on the console long before.
 */
const SILENCE_MS = 90_000;
const COMMAND_LIMIT_MS = 600_000;
const ANSWER_LIMIT_MS = 10_000;
const RETRY_MS = 500;
const SHOWN_CONSOLE = 2_000;
const OUTPUT_LIMIT = 256 * 1024 * 1024;
const USER = "admin";

const run = promisify(execFile);

export type MachineSettings = Pick<QemuSettings, "instanceId" | "volumes" | "cloudInit" | "processors"> &
    Partial<Pick<QemuSettings, "address" | "port">>;

/** A virtual machine that claims to be an instance: QEMU, which ends with this process, whatever ends that. */
export class Machine {
    readonly user = USER;
    #qemu: ChildProcess | undefined;
    #qmp: Qmp | undefined;
    #startedAt = 0;
    #hasInstanceStore = false;
    #silence: NodeJS.Timeout | undefined;

    private constructor(
        readonly settings: MachineSettings,
        readonly address: string,
        readonly port: number,
        private readonly folder: string,
    ) {}

    /** Switched on; `ready` tells when it answers. Default: at a port of 127.0.0.1 that is free. */
    static async start(settings: MachineSettings): Promise<Machine> {
        const folder = mkdtempSync(join(tmpdir(), "machine-"));
        writeFileSync(join(folder, "known_hosts"), `* ${hostKey()}\n`);
        const machine = new Machine(
            settings,
            settings.address ?? "127.0.0.1",
            settings.port ?? (await freePort()),
            folder,
        );
        await machine.powerOn();
        return machine;
    }

    get instanceId(): string {
        return this.settings.instanceId;
    }

    get volumes(): readonly MachineVolume[] {
        return this.settings.volumes;
    }

    /** `ssh-ed25519 AAAA...` */
    get hostKeyLine(): string {
        return hostKey();
    }

    /** Unencrypted PEM of a key that may log in. */
    get clientKey(): string {
        return readFileSync(clientKeyFile(), "utf8");
    }

    /** The last that the machine wrote to its console. */
    get console(): string {
        const file = join(this.folder, "console");
        return existsSync(file) ? readFileSync(file, "utf8") : "";
    }

    /** @param changes for this time */
    async powerOn(changes: Pick<MachineSettings, "cloudInit"> = {}): Promise<void> {
        const { address, port, folder } = this;
        const args = qemuArguments({ ...this.settings, ...changes, address, port, folder });
        this.#startedAt = performance.now();
        this.#hasInstanceStore = false;
        const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], {
            stdio: ["ignore", "ignore", "pipe"],
        });
        let said = "";
        qemu.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
        this.#qemu = qemu;
        const deadline = performance.now() + COMMAND_LIMIT_MS;
        const socket = join(folder, "qmp");
        for (;;) {
            try {
                this.#qmp = await Qmp.connect(socket);
                this.#resetIfSilent();
                return;
            } catch (cause) {
                if (qemu.exitCode !== null || performance.now() > deadline) {
                    throw new Error(`QEMU did not start: ${said}`, { cause });
                }
                await sleep(100);
            }
        }
    }

    /** Waits until somebody can log in. @returns seconds since it was switched on, or reset */
    async ready(limitMs = BOOT_LIMIT_MS): Promise<number> {
        const deadline = performance.now() + limitMs;
        for (;;) {
            if (await this.#answers()) {
                try {
                    await this.run("true");
                    return (performance.now() - this.#startedAt) / 1000;
                } catch (cause) {
                    this.#checkDeadline(deadline, cause);
                }
            }
            this.#checkDeadline(deadline);
            await sleep(RETRY_MS);
        }
    }

    #checkDeadline(deadline: number, cause?: unknown): void {
        const why =
            this.#qemu?.exitCode !== null
                ? "QEMU has ended"
                : this.console.includes("Kernel panic")
                  ? "its kernel has stopped"
                  : performance.now() > deadline
                    ? "nobody can log in to the machine in time"
                    : undefined;
        if (why !== undefined) {
            throw new Error(`${why}; its console: ${this.console.slice(-SHOWN_CONSOLE)}`, { cause });
        }
    }

    /** Whether a server greets: QEMU takes a connection at once, whether or not there is one behind it. */
    async #answers(): Promise<boolean> {
        const socket = connect(this.port, this.address);
        try {
            const [chunk] = (await once(socket, "data", {
                signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
            })) as [Buffer];
            return chunk.toString().startsWith("SSH-");
        } catch {
            return false;
        } finally {
            socket.destroy();
        }
    }

    /** The whole boot is over: every unit has been started, or has failed. @returns the units that have failed */
    async booted(): Promise<string[]> {
        await this.run("systemctl is-system-running --wait || true");
        const failed = await this.run("systemctl list-units --state=failed --plain --no-legend");
        return failed.split("\n").flatMap((line) => line.split(" ")[0] || []);
    }

    /** The kernel's own name of this boot. */
    async bootId(): Promise<string> {
        return (await this.run("cat /proc/sys/kernel/random/boot_id")).trim();
    }

    /** Waits until it has booted anew. */
    async bootedSince(bootId: string, limitMs = BOOT_LIMIT_MS): Promise<void> {
        const deadline = performance.now() + limitMs;
        while (
            (await this.ready(limitMs).then(
                () => this.bootId(),
                () => bootId,
            )) === bootId
        ) {
            this.#checkDeadline(deadline);
            await sleep(RETRY_MS);
        }
    }

    /** Runs a shell command in the machine as root. @throws with its output when it fails */
    async run(command: string, limitMs = COMMAND_LIMIT_MS): Promise<string> {
        const [program, args] = this.commandLine(command);
        const { stdout } = await run(program, args, { timeout: limitMs, maxBuffer: OUTPUT_LIMIT });
        return stdout;
    }

    /** A program and its arguments that run a shell command in the machine as root. */
    commandLine(command: string): [string, string[]] {
        const options = {
            BatchMode: "yes",
            ConnectTimeout: 60,
            IdentityFile: clientKeyFile(),
            LogLevel: "ERROR",
            // A machine that was reset does not say so; one that is paused is there all the same.
            ServerAliveCountMax: 90,
            ServerAliveInterval: 10,
            StrictHostKeyChecking: "yes",
            UserKnownHostsFile: join(this.folder, "known_hosts"),
        };
        return [
            "ssh",
            [
                ...["-F", "none", "-p", String(this.port)],
                ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
                `${USER}@${this.address}`,
                `sudo -n sh -c ${shellQuote(command)}`,
            ],
        ];
    }

    /** As with the reset button: nothing is told, nothing is written. */
    async reset(): Promise<void> {
        this.#startedAt = performance.now();
        await this.#execute("system_reset");
        this.#resetIfSilent();
    }

    #resetIfSilent(): void {
        clearTimeout(this.#silence);
        const before = this.console;
        this.#silence = setTimeout(() => {
            if (this.console === before) {
                this.reset().catch(() => undefined);
            }
        }, SILENCE_MS).unref();
    }

    /** In order: everything is stopped and written. */
    async shutDown(): Promise<void> {
        const qemu = this.#qemu;
        const ended =
            qemu === undefined
                ? undefined
                : once(qemu, "exit", { signal: AbortSignal.timeout(BOOT_LIMIT_MS) });
        // The connection ends with the machine.
        await this.run("systemctl poweroff").catch(() => undefined);
        await ended;
        await this.#end();
    }

    /** In order as well, and on again. */
    async reboot(): Promise<void> {
        this.#startedAt = performance.now();
        await this.run("systemctl reboot").catch(() => undefined);
    }

    /** As when the plug is pulled. */
    async powerOff(): Promise<void> {
        await this.#end();
    }

    /** No instruction is executed until `resume`; its clocks stand still as well. */
    async pause(): Promise<void> {
        await this.#execute("stop");
    }

    async resume(): Promise<void> {
        await this.#execute("cont");
    }

    /** Until it is switched off; once only, if it is there already. */
    async addInstanceStore(file: string): Promise<void> {
        if (this.#hasInstanceStore) {
            return;
        }
        this.#hasInstanceStore = true;
        for (const [command, parameters] of instanceStoreCommands(file)) {
            await this.#execute(command, parameters);
        }
    }

    /** From now on a volume answers nothing that it is asked, until `release`. */
    async hang(volumeId: string): Promise<void> {
        await this.#limit(volumeId, 1);
        // One request passes, and the next ones wait until it is paid for, for an hour: a read, that either passes or waits.
        await this.run(
            `dd if="$(lsblk -dnpo NAME,SERIAL | awk '$2 == "${diskOf(volumeId)}" { print $1 }')" of=/dev/null bs=4096 count=1 ` +
                "iflag=direct status=none </dev/null >/dev/null 2>&1 & " +
                'while state=$(awk \'{ print $3 }\' "/proc/$!/stat") && [ "$state" != Z ] && [ "$state" != D ]; do sleep 0.1; done',
        );
    }

    async release(volumeId: string): Promise<void> {
        await this.#limit(volumeId, 0);
    }

    /** Bytes in a second; 0: as many as there are. */
    async #limit(volumeId: string, bytes: number): Promise<void> {
        const none = { bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
        await this.#execute("block_set_io_throttle", { id: diskOf(volumeId), bps: bytes, ...none });
    }

    async #execute(command: string, parameters: object = {}): Promise<void> {
        if (this.#qmp === undefined) {
            throw new Error("the machine is off");
        }
        await this.#qmp.execute(command, parameters);
    }

    async stop(): Promise<void> {
        await this.#end();
        rmSync(this.folder, { recursive: true, force: true });
    }

    async #end(): Promise<void> {
        clearTimeout(this.#silence);
        this.#qmp?.close();
        this.#qmp = undefined;
        const qemu = this.#qemu;
        if (qemu?.exitCode === null && qemu.signalCode === null) {
            const ended = once(qemu, "exit", { signal: AbortSignal.timeout(COMMAND_LIMIT_MS) });
            qemu.kill("SIGKILL");
            await ended;
        }
        rmSync(join(this.folder, "qmp"), { force: true });
    }
}

function hostKey(): string {
    const [type = "", key = ""] = readFileSync(join(machineFolder(ROOT), "host_key.pub"), "utf8").split(" ");
    return `${type} ${key}`;
}

function clientKeyFile(): string {
    return join(machineFolder(ROOT), "key");
}
