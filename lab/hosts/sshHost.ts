import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import {
    chmodSync,
    chownSync,
    copyFileSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { madeOnce } from "../madeOnce";
import { freePort } from "./freePort";
import { type HostProcess, processesIn } from "./hostProcesses";
import { existingUserLand } from "./userLand";

/** How sudo is set up for the host's user. */
export type SudoVariant =
    "nopasswd" | "password" | "noexec" | "pty-and-log" | "requiretty" | "runas-default" | "timeout" | "none";

export interface SshHostOptions {
    /** What the host claims to be. Default: `TEST_INSTANCE_ID`. */
    readonly instanceId?: string;
    /** Where the claim can be read. none: nowhere. Default: dmi. */
    readonly identity?: "dmi" | "imds" | "none";
    /** Default: `admin`, who may use sudo. `root` needs none. */
    readonly user?: string;
    /** The user's login shell. Default: /bin/sh. */
    readonly loginShell?: string;
    /** For `passwordAuthentication` and for sudo's `password`. */
    readonly password?: string;
    /** Default: false. */
    readonly passwordAuthentication?: boolean;
    /** The user land that the host has instead of the machine's. Needs root. */
    readonly land?: Land;
    /** Default: openssh. dropbear is that of the `land`. */
    readonly server?: "openssh" | "dropbear";
    /** What `sh` is on the host. Default: the machine's. */
    readonly sh?: "dash" | "bash" | "busybox";
    /** Default: nopasswd. */
    readonly sudo?: SudoVariant;
    /** Nothing but /run and what lies beside it in memory can be written: as with a full or broken disk. */
    readonly readOnlyDisk?: boolean;
    /** sshd's ForceCommand. */
    readonly forcedCommand?: string;
    /** A public key line that may log in, beside the host's own `clientKey`. */
    readonly authorizedKeys?: readonly string[];
    /** New host keys, for a host that is not the one it was. Default: keys shared by all hosts of this process. */
    readonly freshHostKeys?: boolean;
    /** Further lines of sshd_config; they win. */
    readonly sshdConfig?: readonly string[];
    readonly port?: number;
}

export interface Land {
    /** One of those that set-up makes (lab/setup/setupUserLands.mjs). */
    readonly name: string;
    /** A shell command of the host, before its server starts. The host's root is its own: nothing else sees a change. */
    readonly prepare?: string;
}

export const TEST_INSTANCE_ID = "i-0123456789abcdef0";

/** A look at all processes of a host takes some milliseconds of a processor, and many tests look at once. */
const UNTIL_INTERVAL_MS = 20;

const METADATA_ADDRESS = "169.254.169.254";
const USER_ID = 54321;

/**
 * A host with OpenSSH's sshd on loopback. As root: in mount and process namespaces of its own, so that the
 * standard script paths, /run, the accounts, sudo and the instance's identity are the host's own, and everything
 * in it ends with it. As an ordinary user: a plain sshd for that user, without sudo, whose hooks lie in a folder.
 */
export async function startSshHost(options: SshHostOptions = {}): Promise<SshHost> {
    return isRoot() ? NamespacedHost.start(options) : PlainHost.start(options);
}

export abstract class SshHost {
    readonly address = "127.0.0.1";
    abstract readonly port: number;
    abstract readonly user: string;
    /** Does the user need sudo for the hooks? */
    abstract readonly sudo: boolean;
    readonly instanceId: string;
    /** Unencrypted PEM of a key that may log in. */
    readonly clientKey: string;
    readonly clientKeyFile: string;
    /** `ssh-ed25519 AAAA...` and so on, of each host key. */
    readonly hostKeyLines: readonly string[];
    /** `SHA256:...`, in the same order. */
    readonly fingerprints: readonly string[];
    abstract readonly preFreezePath: string;
    abstract readonly postThawPath: string;
    protected stopped = false;
    protected logText = "";
    readonly #onExit = () => this.kill();

    protected constructor(
        protected readonly folder: string,
        options: SshHostOptions,
        keys: Keys,
    ) {
        this.instanceId = options.instanceId ?? TEST_INSTANCE_ID;
        this.clientKeyFile = keys.client;
        this.clientKey = readFileSync(keys.client, "utf8");
        this.hostKeyLines = keys.host.map((file) =>
            readFileSync(`${file}.pub`, "utf8").split(" ").slice(0, 2).join(" "),
        );
        this.fingerprints = this.hostKeyLines.map(fingerprintOf);
        process.once("exit", this.#onExit);
    }

    /** What sshd said. */
    get log(): string {
        return this.logText;
    }

    /** The file of the test's machine that is this path of the host. */
    abstract path(hostPath: string): string;

    /** The command line that runs a script, its last argument, in the host, as an agent on it would. */
    get shell(): string[] {
        const [file, args] = this.commandLine("");
        return [file, ...args.slice(0, -1)];
    }

    /** Runs a shell command in the host as root (as the user, where there is no root). Throws when it fails. */
    abstract exec(command: string): string;

    /** The command line that does what `exec` does, for whoever starts it himself. */
    abstract commandLine(command: string): [string, string[]];

    abstract processes(): HostProcess[];

    /** From now on, the host says that it has been booted again. Needs root. */
    abstract changeBootId(): void;

    /** The host's first process, as seen from the test's machine. */
    abstract readonly pid: number;

    /**
     * To be called before anything freezes a file system of the host: thaws it after that time, from outside of the
     * host, for nothing ends a process that writes to a frozen file system.
     */
    abstract thawLater(mountPoint: string, seconds: number): Promise<void>;

    signal(pid: number, signal: NodeJS.Signals): void {
        // 0 would be the group of the tests themselves.
        if (pid <= 1) {
            throw new Error("no such process");
        }
        this.exec(`kill -${signal.replace("SIG", "")} ${pid}`);
    }

    /** Stops processes, and waits until they stand: what is sent SIGSTOP may still run for a moment. */
    async suspend(...pids: readonly number[]): Promise<void> {
        for (const pid of pids) {
            this.signal(pid, "SIGSTOP");
        }
        const stands = ({ pid, state }: HostProcess) => !pids.includes(pid) || state === "T";
        await this.until(() => this.processes().every(stands), { what: "the stop of processes" });
    }

    /** Kills the sshd processes that serve connections. One may end by itself meanwhile. */
    killSessions(signal: NodeJS.Signals = "SIGKILL"): void {
        const pids = this.processes()
            .filter(({ command }) => /^sshd(-session|-auth)?: /.test(command) && !/listener/.test(command))
            .map(({ pid }) => pid);
        this.exec(`kill -${signal.replace("SIG", "")} ${pids.join(" ")} 2>/dev/null; true`);
    }

    writeScript(path: string, text: string, attributes: { mode?: number; owner?: number } = {}): void {
        const file = this.path(path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
        chmodSync(file, attributes.mode ?? 0o755);
        if (attributes.owner !== undefined) {
            chownSync(file, attributes.owner, attributes.owner);
        }
    }

    /**
     * Puts a pair of hooks at the paths that this host uses. They tell `events`, and the file `frozenPath` is there
     * while the host is "frozen". Bodies run after that; `$1` is the verb.
     */
    writeHooks(bodies: { pre?: string; post?: string } = {}): void {
        this.writeScript(this.preFreezePath, this.preFreezeScript(bodies.pre));
        this.writeScript(this.postThawPath, this.postThawScript(bodies.post));
    }

    preFreezeScript(body = ""): string {
        return `#!/bin/sh\necho "pre $1" >>${this.eventsPath}\n: >${this.frozenPath}\n${body}\n`;
    }

    postThawScript(body = ""): string {
        return `#!/bin/sh\necho "post $1" >>${this.eventsPath}\n${body}\nrm -f ${this.frozenPath}\necho "thawed $1" >>${this.eventsPath}\n`;
    }

    get eventsPath(): string {
        return `${this.statePath}/test-events`;
    }

    get frozenPath(): string {
        return `${this.statePath}/test-frozen`;
    }

    /** Where hooks keep what they want to tell a test. */
    protected abstract readonly statePath: string;

    get frozen(): boolean {
        return existsSync(this.path(this.frozenPath));
    }

    /** The lines that hooks appended to `eventsPath`. */
    get events(): string[] {
        const file = this.path(this.eventsPath);
        return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
    }

    /** Waits until a line of `events` matches; the limit is in milliseconds. */
    async waitFor(pattern: RegExp, limit = 20_000): Promise<string> {
        let line: string | undefined;
        await this.until(() => (line = this.events.find((event) => pattern.test(event))) !== undefined, {
            limit,
            what: `an event ${String(pattern)}`,
        });
        return line ?? "";
    }

    /** Waits until something is so. The limit is in milliseconds. */
    async until(condition: () => boolean, options: { limit?: number; what?: string } = {}): Promise<void> {
        const deadline = performance.now() + (options.limit ?? 20_000);
        while (!condition()) {
            if (performance.now() > deadline) {
                throw new Error(
                    `waited in vain for ${options.what ?? String(condition)}; events: ${this.events.join(", ")}`,
                );
            }
            await delay(UNTIL_INTERVAL_MS);
        }
    }

    /** What the guard keeps on the host. */
    get stateLeft(): string[] {
        const folder = this.path(this.guardDirectory);
        try {
            const inside = readdirSync(folder, { recursive: true, encoding: "utf8" });
            return [this.guardDirectory, ...inside.map((name) => join(this.guardDirectory, name))];
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "ENOENT") {
                return [];
            }
            throw error;
        }
    }

    abstract readonly guardDirectory: string;

    /** Ends the host and everything in it. May be called twice. */
    async stop(): Promise<void> {
        process.removeListener("exit", this.#onExit);
        if (this.stopped) {
            return;
        }
        this.stopped = true;
        this.kill();
        await this.ended();
        rmSync(this.folder, { recursive: true, force: true });
    }

    protected abstract kill(): void;
    protected abstract ended(): Promise<void>;
}

class NamespacedHost extends SshHost {
    readonly preFreezePath = "/usr/sbin/pre-freeze-script";
    readonly postThawPath = "/usr/sbin/post-thaw-script";
    readonly guardDirectory = "/run/app-consistent-snapshot";
    protected readonly statePath = "/run";
    readonly sudo: boolean;
    readonly user: string;
    #helpers: ChildProcess[] = [];
    #watchdogs: ChildProcess[] = [];
    #close: () => void = () => undefined;

    private constructor(
        folder: string,
        options: SshHostOptions,
        keys: Keys,
        private readonly child: ChildProcess,
        readonly port: number,
    ) {
        super(folder, options, keys);
        this.user = options.user ?? "admin";
        this.sudo = this.user !== "root";
    }

    static async start(options: SshHostOptions): Promise<SshHost> {
        const folder = mkdtempSync(join(tmpdir(), "ssh-host-"));
        // The host's user passes through it to its home and authorized keys.
        chmodSync(folder, 0o755);
        const keys = makeKeys(options.freshHostKeys ?? false, folder);
        const port = options.port ?? (await freePort());
        // Whoever answers at the metadata service's address needs a network of his own.
        const ownNetwork = options.identity === "imds";
        writeHostFiles(folder, options, options.land === undefined ? keys : copied(keys, folder), port);
        const namespaces = [
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--mount-proc",
            "--fork",
            "--kill-child",
        ];
        if (ownNetwork) {
            namespaces.push("--net");
        }
        const child = spawn("unshare", [...namespaces, "sh", join(__dirname, "sshHostInit.sh"), folder], {
            stdio: ["pipe", "ignore", "pipe"],
        });
        const host = new NamespacedHost(folder, options, keys, child, port);
        child.stderr.on("data", (bytes: Buffer) => (host.logText += bytes.toString()));
        try {
            if (ownNetwork) {
                await host.joinNetwork(options.instanceId ?? TEST_INSTANCE_ID);
            }
            await untilListening(port, child);
        } catch (error) {
            await host.stop();
            throw new Error(`the ssh host did not start: ${host.log}`, { cause: error });
        }
        return host;
    }

    get pid(): number {
        return this.child.pid ?? 0;
    }

    path(hostPath: string): string {
        return `/proc/${this.pid}/root${hostPath}`;
    }

    exec(command: string): string {
        return execFileSync(...this.commandLine(command), {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "pipe"],
            timeout: 20_000,
        });
    }

    commandLine(command: string): [string, string[]] {
        return ["nsenter", [...this.#enter("--mount", "--pid"), "sh", "-c", command]];
    }

    #enter(...namespaces: string[]): string[] {
        return namespaces.flatMap((kind) =>
            kind === "--pid"
                ? [`--pid=/proc/${this.pid}/ns/pid_for_children`]
                : ["--target", String(this.pid), kind],
        );
    }

    processes(): HostProcess[] {
        return processesIn(this.path("/proc"));
    }

    changeBootId(): void {
        writeFileSync(join(this.folder, "boot_id"), `${randomUUID()}\n`);
    }

    thawLater(mountPoint: string, seconds: number): Promise<void> {
        const watchdog = spawn(
            "nsenter",
            [
                ...this.#enter("--mount"),
                "sh",
                "-c",
                'echo armed; sleep "$2"; fsfreeze -u "$1"',
                "sh",
                mountPoint,
                String(seconds),
            ],
            { stdio: ["ignore", "pipe", "ignore"], detached: true },
        );
        this.#watchdogs.push(watchdog);
        return once(watchdog.stdout, "data", { signal: AbortSignal.timeout(20_000) }).then(() => {
            watchdog.unref();
        });
    }

    /** The host's own metadata service, and a way in for ssh: each connection by a process inside its network. */
    private async joinNetwork(instanceId: string): Promise<void> {
        await this.until(() => this.logText.includes("Server listening"), { what: "sshd" });
        const service = spawn(
            "nsenter",
            [
                ...this.#enter("--net"),
                process.execPath,
                "--import",
                "tsx",
                join(__dirname, "metadataService.ts"),
                METADATA_ADDRESS,
                instanceId,
            ],
            { stdio: ["pipe", "pipe", "inherit"] },
        );
        this.#helpers.push(service);
        await once(service.stdout, "data", { signal: AbortSignal.timeout(20_000) });
        const server = createServer((socket) => {
            const way = spawn(
                "nsenter",
                [...this.#enter("--net"), "busybox", "nc", "127.0.0.1", String(this.port)],
                { stdio: ["pipe", "pipe", "ignore"] },
            );
            this.#helpers.push(way);
            socket.pipe(way.stdin).on("error", () => socket.destroy());
            way.stdout.pipe(socket).on("error", () => way.kill("SIGKILL"));
            socket.on("close", () => way.kill("SIGKILL"));
            way.on("exit", () => socket.destroy());
        });
        server.listen(this.port, "127.0.0.1");
        await once(server, "listening");
        this.#close = () => server.close();
    }

    protected kill(): void {
        this.#close();
        for (const helper of this.#helpers) {
            helper.kill("SIGKILL");
        }
        // --kill-child: the host's first process gets it too, and all others with that.
        this.child.kill("SIGKILL");
    }

    protected async ended(): Promise<void> {
        await Promise.all([this.child, ...this.#helpers].map(exited));
        // All that runs on the host has it open, and ends a moment later: until then its ports are in use.
        if (this.child.stderr?.closed === false) {
            await once(this.child.stderr, "close", { signal: AbortSignal.timeout(20_000) });
        }
        // Only now: nothing of the host can wait for them any more.
        for (const { pid, exitCode } of this.#watchdogs) {
            if (pid && exitCode === null) {
                process.kill(-pid, "SIGKILL");
            }
        }
    }
}

class PlainHost extends SshHost {
    readonly sudo = false;
    readonly user = userInfo().username;
    readonly preFreezePath: string;
    readonly postThawPath: string;
    readonly guardDirectory = `/dev/shm/app-consistent-snapshot-${process.getuid?.() ?? 0}`;
    protected readonly statePath: string;

    private constructor(
        folder: string,
        options: SshHostOptions,
        keys: Keys,
        private readonly child: ChildProcess,
        readonly port: number,
    ) {
        super(folder, options, keys);
        this.preFreezePath = join(folder, "hooks/pre-freeze-script");
        this.postThawPath = join(folder, "hooks/post-thaw-script");
        this.statePath = folder;
    }

    static async start(options: SshHostOptions): Promise<SshHost> {
        const folder = mkdtempSync(join(tmpdir(), "ssh-host-"));
        const keys = makeKeys(options.freshHostKeys ?? false, folder);
        const port = options.port ?? (await freePort());
        writeSshdConfig(folder, options, keys, port);
        const child = spawn(sshdPath(), ["-D", "-e", "-f", join(folder, "sshd_config")], {
            stdio: ["ignore", "ignore", "pipe"],
        });
        const host = new PlainHost(folder, options, keys, child, port);
        child.stderr.on("data", (bytes: Buffer) => (host.logText += bytes.toString()));
        try {
            await untilListening(port, child);
        } catch (error) {
            await host.stop();
            throw new Error(`the ssh host did not start: ${host.log}`, { cause: error });
        }
        return host;
    }

    get pid(): number {
        return this.child.pid ?? 0;
    }

    path(hostPath: string): string {
        return hostPath;
    }

    exec(command: string): string {
        return execFileSync(...this.commandLine(command), { encoding: "utf8", timeout: 20_000 });
    }

    commandLine(command: string): [string, string[]] {
        return ["sh", ["-c", command]];
    }

    changeBootId(): void {
        throw new Error("the boot id cannot be changed without root");
    }

    thawLater(): Promise<void> {
        throw new Error("no file system can be frozen without root");
    }

    /** sshd and what it started. */
    processes(): HostProcess[] {
        const all = processesIn("/proc");
        const found = new Set([this.child.pid]);
        for (let size = 0; size !== found.size;) {
            size = found.size;
            for (const { pid, parent } of all) {
                if (found.has(parent)) {
                    found.add(pid);
                }
            }
        }
        return all.filter(({ pid }) => found.has(pid));
    }

    /** Sessions get an end of input; the guard in them thaws and ends by itself. */
    protected kill(): void {
        if (this.child.exitCode !== null || this.child.signalCode !== null) {
            return;
        }
        for (const { pid, command } of this.processes()) {
            if (command.startsWith("sshd: ")) {
                process.kill(pid, "SIGKILL");
            }
        }
        this.child.kill("SIGKILL");
    }

    protected async ended(): Promise<void> {
        await exited(this.child);
    }
}

interface Keys {
    host: readonly string[];
    client: string;
}

/** Unencrypted PEM of the key that may log in to every host. */
export function sharedClientKey(): string {
    return readFileSync(makeKeys(false, "").client, "utf8");
}

/** RSA takes its time, so all hosts share the keys. */
function makeKeys(freshHostKeys: boolean, folder: string): Keys {
    const shared = keysIn(
        madeOnce("ssh-host-keys", (draft) => generateKeys(draft, ["client", ...HOST_KEYS])),
    );
    if (!freshHostKeys) {
        return shared;
    }
    generateKeys(folder, ["ed25519"]);
    return { client: shared.client, host: [join(folder, "ed25519")] };
}

/** A land sees the host's folder, and no other one of the machine. */
function copied(keys: Keys, folder: string): Keys {
    const copy = (file: string) => {
        const path = join(folder, basename(file));
        for (const end of ["", ".pub"]) {
            if (path !== file) {
                copyFileSync(`${file}${end}`, `${path}${end}`);
            }
        }
        return path;
    };
    return { client: copy(keys.client), host: keys.host.map(copy) };
}

const HOST_KEYS = ["ed25519", "ecdsa", "rsa"];

function keysIn(folder: string): Keys {
    return { client: join(folder, "client"), host: HOST_KEYS.map((type) => join(folder, type)) };
}

/** Named after their types, but for the client's. */
function generateKeys(folder: string, names: readonly string[]): void {
    for (const name of names) {
        const type = name === "client" ? "ed25519" : name;
        execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", join(folder, name)]);
    }
}

/** As `ssh-keygen -l` shows it. */
function fingerprintOf(line: string): string {
    const key = Buffer.from(line.split(" ")[1] ?? "", "base64");
    return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function writeHostFiles(folder: string, options: SshHostOptions, keys: Keys, port: number): void {
    const user = options.user ?? "admin";
    const shell = options.loginShell ?? "/bin/sh";
    const hash = options.password === undefined ? "*" : passwordHash(options.password);
    const home = join(folder, "home");
    mkdirSync(home);
    if (user !== "root") {
        chownSync(home, USER_ID, USER_ID);
    }
    const etc = join(options.land === undefined ? "/" : existingUserLand(options.land.name), "etc");
    writeAccount(etc, folder, "passwd", user, `${user}:x:${USER_ID}:${USER_ID}::${home}:${shell}`, (root) => {
        const fields = root.split(":");
        return [...fields.slice(0, 5), home, shell].join(":");
    });
    writeAccount(
        etc,
        folder,
        "shadow",
        user,
        `${user}:${hash}:19000:0:99999:7:::`,
        () => `root:${hash}:19000:0:99999:7:::`,
    );
    chmodSync(join(folder, "shadow"), 0o600);
    writeAccount(etc, folder, "group", user, `${user}:x:${USER_ID}:`, (root) => root);
    writeFileSync(join(folder, "sudoers"), sudoers(user, options.sudo ?? "nopasswd"), { mode: 0o440 });
    writeFileSync(join(folder, "boot_id"), `${randomUUID()}\n`);
    const identity = options.identity ?? "dmi";
    if (identity === "dmi") {
        writeFileSync(join(folder, "board_asset_tag"), `${options.instanceId ?? TEST_INSTANCE_ID}\n`);
    }
    if (identity === "imds") {
        writeFileSync(join(folder, "network"), "");
        writeFileSync(join(folder, "metadata-address"), METADATA_ADDRESS);
    }
    if (options.readOnlyDisk) {
        writeFileSync(join(folder, "read-only"), "");
    }
    if (options.sh) {
        writeFileSync(join(folder, "sh"), `/usr/bin/${options.sh}`);
    }
    if (options.land) {
        writeFileSync(join(folder, "land"), existingUserLand(options.land.name));
        writeFileSync(join(folder, "prepare"), options.land.prepare ?? "");
    }
    if (options.server === "dropbear") {
        writeDropbearFiles(folder, keys, port);
    }
    writePublicKeys(folder, keys);
    writeSshdConfig(folder, options, keys, port);
}

/** By the names that they have on every host. */
function writePublicKeys(folder: string, keys: Keys): void {
    mkdirSync(join(folder, "etc-ssh"));
    for (const file of keys.host) {
        copyFileSync(`${file}.pub`, join(folder, "etc-ssh", `ssh_host_${basename(file)}_key.pub`));
    }
}

/** The machine's own file, or the land's, with the host's user in it. */
function writeAccount(
    etc: string,
    folder: string,
    name: string,
    user: string,
    line: string,
    asRoot: (line: string) => string,
): void {
    const lines = readFileSync(join(etc, name), "utf8").trimEnd().split("\n");
    const changed =
        user === "root"
            ? lines.map((old) => (old.startsWith("root:") ? asRoot(old) : old))
            : [...lines.filter((old) => !old.startsWith(`${user}:`)), line];
    writeFileSync(join(folder, name), `${changed.join("\n")}\n`, {
        mode: statSync(join(etc, name)).mode & 0o777,
    });
}

function passwordHash(password: string): string {
    return execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: password, encoding: "utf8" }).trim();
}

function sudoers(user: string, variant: SudoVariant): string {
    const defaults: Record<SudoVariant, string> = {
        nopasswd: "",
        password: "",
        noexec: "Defaults noexec",
        "pty-and-log": "Defaults use_pty, log_input, log_output, iolog_dir=/run/sudo-io",
        requiretty: "Defaults requiretty",
        "runas-default": "Defaults runas_default=nobody",
        timeout: "Defaults command_timeout=3",
        none: "",
    };
    const tag = variant === "password" ? "" : "NOPASSWD: ";
    const rule = variant === "none" ? "" : `${user} ALL=(ALL:ALL) ${tag}ALL`;
    return ["Defaults env_reset, !lecture", defaults[variant], "root ALL=(ALL:ALL) ALL", rule, ""].join("\n");
}

function writeSshdConfig(folder: string, options: SshHostOptions, keys: Keys, port: number): void {
    const authorized = [readFileSync(`${keys.client}.pub`, "utf8").trim(), ...(options.authorizedKeys ?? [])];
    const authorizedFile = join(folder, "authorized_keys");
    writeFileSync(authorizedFile, `${authorized.join("\n")}\n`, { mode: 0o644 });
    const lines = [
        // sshd takes the first value of a keyword.
        ...(options.sshdConfig ?? []),
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "UseDNS no",
        "PermitRootLogin yes",
        "KbdInteractiveAuthentication no",
        `PasswordAuthentication ${options.passwordAuthentication ? "yes" : "no"}`,
        `AuthorizedKeysFile ${authorizedFile}`,
        "MaxStartups 100",
        // A land's server keeps its defaults.
        ...(options.land === undefined && opensshVersion() >= 9.8 ? ["PerSourcePenalties no"] : []),
        ...keys.host.map((file) => `HostKey ${file}`),
        ...(options.forcedCommand === undefined ? [] : [`ForceCommand ${options.forcedCommand}`]),
        "",
    ];
    writeFileSync(join(folder, "sshd_config"), lines.join("\n"));
}

/** It has no configuration: its key is of its own format, and who may log in is known by the account's home. */
function writeDropbearFiles(folder: string, keys: Keys, port: number): void {
    const [key = ""] = keys.host;
    execFileSync("dropbearconvert", ["openssh", "dropbear", key, join(folder, "dropbear_key")], {
        stdio: "ignore",
    });
    const home = join(folder, "home");
    const { uid, gid } = statSync(home);
    const authorized = join(home, ".ssh/authorized_keys");
    mkdirSync(dirname(authorized), { mode: 0o700 });
    writeFileSync(authorized, readFileSync(`${keys.client}.pub`), { mode: 0o600 });
    for (const path of [dirname(authorized), authorized]) {
        chownSync(path, uid, gid);
    }
    writeFileSync(join(folder, "dropbear_port"), String(port));
}

let cachedVersion: number | undefined;

function opensshVersion(): number {
    cachedVersion ??= Number(
        /OpenSSH_(\d+\.\d+)/.exec(execFileSync("sh", ["-c", "ssh -V 2>&1"], { encoding: "utf8" }))?.[1] ??
            "0",
    );
    return cachedVersion;
}

function sshdPath(): string {
    return ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path)) ?? "sshd";
}

function isRoot(): boolean {
    return process.platform === "linux" && process.getuid?.() === 0;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!(await answers(port))) {
        if (child.exitCode !== null || child.signalCode !== null) {
            throw new Error("it ended");
        }
        if (performance.now() > deadline) {
            throw new Error("nobody answered in 20 s");
        }
        await delay(10);
    }
}

function answers(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("data", () => finish(true));
        socket.once("error", () => finish(false));
        socket.once("close", () => finish(false));
        function finish(answer: boolean): void {
            socket.destroy();
            resolve(answer);
        }
    });
}

async function exited(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) {
        return;
    }
    await once(child, "exit");
}

/** Skips what needs Linux and root where there is none; under CI that is a failure. */
export function needsRoot(context: Mocha.Context): void {
    if (isRoot()) {
        return;
    }
    if (process.env["CI"] === "true") {
        throw new Error("this test needs root on Linux");
    }
    context.skip();
}
