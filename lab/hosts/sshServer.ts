import { execFileSync, spawn, type ChildProcess, type SpawnOptionsWithStdioTuple } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./freePort";

export const KEY_KINDS = {
    ed25519: ["-t", "ed25519"],
    ecdsa256: ["-t", "ecdsa", "-b", "256"],
    ecdsa384: ["-t", "ecdsa", "-b", "384"],
    ecdsa521: ["-t", "ecdsa", "-b", "521"],
    rsa: ["-t", "rsa", "-b", "3072"],
} as const;
export type KeyKind = keyof typeof KEY_KINDS;

/** A folder of keys made by ssh-keygen, removed by remove(). */
export class KeyFolder {
    readonly path = mkdtempSync(join(tmpdir(), "ssh-test-"));
    #count = 0;

    constructor() {
        // sshd reads authorized keys as the account that logs in.
        chmodSync(this.path, 0o711);
    }

    make(kind: KeyKind, options: { passphrase?: string; extra?: readonly string[] } = {}): KeyPair {
        const file = join(this.path, `${kind}-${++this.#count}`);
        const { passphrase = "", extra = [] } = options;
        execFileSync("ssh-keygen", [
            "-q",
            ...KEY_KINDS[kind],
            ...extra,
            "-N",
            passphrase,
            "-C",
            "test",
            "-f",
            file,
        ]);
        return new KeyPair(file);
    }

    file(name: string, text: string): string {
        const path = join(this.path, name);
        writeFileSync(path, text, { mode: 0o644 });
        return path;
    }

    remove(): void {
        rmSync(this.path, { recursive: true, force: true });
    }
}

export class KeyPair {
    readonly privateKey: string;
    readonly publicLine: string;

    constructor(readonly file: string) {
        this.privateKey = readFileSync(file, "utf8");
        this.publicLine = readFileSync(`${file}.pub`, "utf8").trim();
    }

    /** As ssh-keygen prints it. */
    get fingerprint(): string {
        const printed = execFileSync("ssh-keygen", ["-l", "-E", "sha256", "-f", `${this.file}.pub`], {
            encoding: "utf8",
        });
        return printed.split(" ")[1] ?? "";
    }
}

export interface SshdOptions {
    readonly hostKeys: readonly KeyPair[];
    readonly authorized: readonly KeyPair[];
    /** Further lines of sshd_config. */
    readonly config?: readonly string[];
    readonly port?: number;
    /** Needs root: accounts with passwords and PAM, in a mount namespace, so that the machine's own stay as they are. */
    readonly account?: {
        readonly user: string;
        readonly password: string;
        /** The host says so, and lets only root in. */
        readonly nologin?: string;
        /** Since 1970. */
        readonly expired?: boolean;
        /** What PAM asks for. @default ["pam_unix.so"] */
        readonly auth?: readonly string[];
    };
}

/** OpenSSH's sshd on loopback, for the user that runs the tests. */
export class Sshd {
    private constructor(
        readonly port: number,
        readonly user: string,
        readonly child: ChildProcess,
        readonly log: () => string,
    ) {}

    static async start(folder: KeyFolder, options: SshdOptions): Promise<Sshd> {
        const port = options.port ?? (await freePort());
        const lines = [
            `Port ${port}`,
            "ListenAddress 127.0.0.1",
            "PidFile none",
            `UsePAM ${options.account ? "yes" : "no"}`,
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            `AuthorizedKeysFile ${folder.file(`authorized-${port}`, options.authorized.map((key) => key.publicLine + "\n").join(""))}`,
            ...options.hostKeys.map((key) => `HostKey ${key.file}`),
        ];
        // sshd takes the first value of a keyword.
        const config = folder.file(`sshd-${port}`, [...(options.config ?? []), ...lines, ""].join("\n"));
        // sshd insists on this folder for its unprivileged half.
        if (process.getuid?.() === 0 && !existsSync("/run/sshd")) {
            mkdirSync("/run/sshd", { mode: 0o755 });
        }
        const command = `exec /usr/sbin/sshd -D -e -f ${config}`;
        const child = options.account
            ? spawn(
                  "unshare",
                  ["--mount", "sh", "-ec", `${accountMounts(folder, port, options.account)}${command}`],
                  STDIO,
              )
            : spawn("sh", ["-c", command], STDIO);
        let log = "";
        child.stderr.on("data", (bytes: Buffer) => (log += bytes.toString()));
        const sshd = new Sshd(port, options.account?.user ?? userInfo().username, child, () => log);
        try {
            await untilListening(port, child);
        } catch (error) {
            await sshd.stop();
            throw new Error(`sshd did not start: ${log}`, { cause: error });
        }
        return sshd;
    }

    async stop(): Promise<void> {
        await stopProcess(this.child);
    }
}

const STDIO: SpawnOptionsWithStdioTuple<"ignore", "ignore", "pipe"> = { stdio: ["ignore", "ignore", "pipe"] };

function accountMounts(
    folder: KeyFolder,
    port: number,
    account: NonNullable<SshdOptions["account"]>,
): string {
    const { user, password, nologin, expired = false, auth = ["pam_unix.so"] } = account;
    const hash = execFileSync("openssl", ["passwd", "-6", "-stdin"], {
        input: password,
        encoding: "utf8",
    }).trim();
    const home = mkdtempSync(join(folder.path, "home-"));
    const files: Record<string, string> = {
        "/etc/passwd": `${readFileSync("/etc/passwd", "utf8")}${user}:x:54321:65534::${home}:/bin/sh\n`,
        "/etc/shadow": `${readFileSync("/etc/shadow", "utf8")}${user}:${hash}:19000:0:99999:7::${expired ? "1" : ""}:\n`,
        "/etc/pam.d/sshd": [
            ...(nologin === undefined
                ? []
                : [`account required pam_nologin.so file=${folder.file(`nologin-${port}`, nologin)}`]),
            ...auth.map((module) => `auth required ${module}`),
            "account required pam_unix.so",
            "session required pam_permit.so",
            "",
        ].join("\n"),
    };
    return Object.entries(files)
        .map(([path, text]) => `mount --bind ${folder.file(`${port}-${basename(path)}`, text)} ${path}\n`)
        .join("");
}

export async function stopProcess(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) {
        return;
    }
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
    const giveUp = performance.now() + 20_000;
    while (performance.now() < giveUp && child.exitCode === null) {
        const socket = connect({ host: "127.0.0.1", port });
        try {
            await once(socket, "connect");
            return;
        } catch {
            await delay(20);
        } finally {
            socket.destroy();
        }
    }
    throw new Error(`nobody listens on ${port}`);
}
