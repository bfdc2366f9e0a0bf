// Finds what the ssh host of the tests and of the demo is made of, or installs it where that is wanted.
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run, tryRun } from "./run.mjs";
import { MACHINE_COMMANDS } from "./setupMachine.mjs";

/** Beyond PATH: an ordinary user's does not have the folders of the administrator's commands. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Enough for the demo: a server of one's own account, no root. */
export const DEMO_COMMANDS = [
    { command: "sshd", package: "openssh-server" },
    { command: "ssh-keygen", package: "openssh-client" },
];

/** What the tests need as well, with the Debian package that has it. Extend it here, and nowhere else. */
export const TEST_COMMANDS = [
    ...DEMO_COMMANDS,
    { command: "ssh", package: "openssh-client" },
    { command: "ssh-agent", package: "openssh-client" },
    { command: "sudo", package: "sudo" },
    { command: "bash", package: "bash" },
    { command: "dash", package: "dash" },
    { command: "busybox", package: "busybox" },
    { command: "fish", package: "fish" },
    { command: "tcsh", package: "tcsh" },
    { command: "dropbear", package: "dropbear-bin" },
    { command: "unshare", package: "util-linux" },
    { command: "nsenter", package: "util-linux" },
    { command: "fsfreeze", package: "util-linux" },
    { command: "flock", package: "util-linux" },
    { command: "mount", package: "mount" },
    { command: "mkfs.ext4", package: "e2fsprogs" },
    { command: "mkfs.xfs", package: "xfsprogs" },
    { command: "psql", package: "postgresql" },
    // The servers alone: the packages around them would start one.
    { command: "mariadbd", package: "mariadb-server-core" },
    { command: "mariadb", package: "mariadb-client-core" },
    { command: "redis-check-rdb", package: "redis-tools" },
    { command: "useradd", package: "passwd" },
    { command: "ip", package: "iproute2" },
    { command: "ps", package: "procps" },
    { command: "curl", package: "curl" },
    { command: "git", package: "git" },
    { command: "shellcheck", package: "shellcheck" },
    // What makes the user lands (setupUserLands.mjs), and the keys by which it knows Debian.
    { command: "debootstrap", package: "debootstrap" },
    { file: "/usr/share/keyrings/debian-archive-keyring.gpg", package: "debian-archive-keyring" },
];

/**
 * Under CI, and for tests as root, missing Debian packages are installed; elsewhere they are named.
 *
 * @param {{ purpose: "demo" | "test" | "hosts" | "machine", log: (line: string) => void }} options
 */
export function setupHost({ purpose, log }) {
    const wanted = commandsFor(purpose);
    const missing = wanted.filter((one) => !isInstalled(one));
    if (missing.length > 0) {
        if (!mayInstall(purpose)) throw new Error(remedy(missing));
        install(packagesOf(missing), log);
        const stillMissing = missing.filter((one) => !isInstalled(one));
        if (stillMissing.length > 0) throw new Error(remedy(stillMissing));
    }
    // sshd started by root refuses to run without the folder that the system's service would have made.
    if (isRoot()) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
}

function commandsFor(purpose) {
    if (purpose === "demo") return DEMO_COMMANDS;
    return purpose === "machine" ? [...TEST_COMMANDS, ...MACHINE_COMMANDS] : TEST_COMMANDS;
}

function isInstalled({ command, file }) {
    if (file !== undefined) return existsSync(file);
    const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS];
    return folders.some((folder) => folder !== "" && existsSync(join(folder, command)));
}

function isRoot() {
    return process.getuid?.() === 0;
}

function mayInstall(purpose) {
    return (
        isRoot() && isInstalled({ command: "apt-get" }) && (purpose !== "demo" || process.env.CI === "true")
    );
}

function packagesOf(missing) {
    return [...new Set(missing.map((one) => one.package))];
}

function install(packages, log) {
    log(`installing Debian packages: ${packages.join(" ")}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const quiet = ["-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"];
    // A stale list of packages is the usual reason for a failure, and fetching it the slow part.
    const arguments_ = [...quiet, "install", "-y", "--no-install-recommends", ...packages];
    if (tryRun("apt-get", arguments_, { env }) !== undefined) return;
    run("apt-get", [...quiet, "update"], { env });
    run("apt-get", arguments_, { env });
}

function remedy(missing) {
    const commands = missing.map(({ command, file }) => command ?? file).join(", ");
    return (
        `missing on this machine: ${commands}. On Debian or Ubuntu: ` +
        `sudo apt-get install ${packagesOf(missing).join(" ")}. Elsewhere, packages of similar names.`
    );
}
