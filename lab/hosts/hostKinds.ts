import type { SshHostOptions } from "./sshHost";

/** A kind of host that somebody has: a user land, a server, a way to become root, an account. */
export interface HostKind {
    readonly name: string;
    readonly host: SshHostOptions;
    /** Why a run refuses it. Without, it is quiesced like any other. */
    readonly refused?: { readonly code: string; readonly text: RegExp };
    /** What somebody who has such a host should know. */
    readonly note?: string;
    /** Its server or its tools are others: the guard is tried in trouble as well. */
    readonly tools?: "others";
    /** In `npm test` too. */
    readonly often?: true;
}

const DROPBEAR = { server: "dropbear", user: "root" } as const;
const UUTILS = 'for tool in /usr/lib/cargo/bin/coreutils/*; do ln -sf "$tool" "/usr/bin/${tool##*/}"; done';
const RUST = `ln -sf sudo-rs /usr/bin/sudo\n${UUTILS}`;
const DOAS = "rm /usr/bin/sudo\necho 'permit nopass admin as root' >/etc/doas.conf";

function debian(release: string, prepare = ""): SshHostOptions {
    return { land: { name: `debian-${release}`, prepare } };
}

/** With PAM, as Debian's own sshd_config has it. */
function withPam(host: SshHostOptions, ...config: readonly string[]): SshHostOptions {
    return { ...host, sshdConfig: ["UsePAM yes", ...config] };
}

/** sshd shows a banner, and PAM speaks before, in and after a login, on both of a session's outputs. */
const TALKATIVE = `echo 'The message of the day' >/etc/motd
echo 'Authorised users only' >/etc/issue.net
printf '#!/bin/sh\\necho on stdout\\necho on stderr >&2\\n' >/usr/local/bin/talk
chmod 755 /usr/local/bin/talk
echo 'session optional pam_echo.so The echo of a login' >>/etc/pam.d/sshd
echo 'session optional pam_exec.so stdout /usr/local/bin/talk' >>/etc/pam.d/sshd
echo 'session optional pam_echo.so The echo of sudo' >>/etc/pam.d/sudo`;

/** Of the account and of root (limits.conf(5)). */
function limited(...limits: readonly string[]): SshHostOptions {
    const lines = limits.flatMap((limit) => [`* ${limit}`, `root ${limit}`]);
    return withPam(
        debian("12", lines.map((line) => `echo '${line}' >>/etc/security/limits.conf`).join("\n")),
    );
}

const FILL = "while true >/run/fill-$i; do i=$((i + 1)); done 2>/dev/null || true";

const USER_LANDS: readonly HostKind[] = [
    { name: "Debian 11", host: debian("11") },
    { name: "Debian 12", host: debian("12") },
    {
        name: "Debian 13, OpenSSH with its default penalties",
        host: debian("13"),
        note: "Several refused logins in a row block the address for some time (`PerSourcePenalties`).",
    },
    { name: "Debian 13, sudo-rs and uutils", host: debian("13", RUST), often: true },
    { name: "Debian sid", host: debian("sid") },
    { name: "Debian sid, sudo-rs and uutils", host: debian("sid", RUST) },
    { name: "Debian 13 behind dropbear", host: { ...debian("13"), server: "dropbear" } },
    {
        name: "dropbear, and busybox with flock as the only tools",
        host: { ...DROPBEAR, land: { name: "busybox" } },
        note: "Log in as root. Debian's busybox has no `flock`; Alpine's has.",
        often: true,
    },
    {
        name: "dropbear, and busybox without flock",
        host: { ...DROPBEAR, land: { name: "busybox", prepare: "rm /usr/bin/flock" } },
        refused: { code: "HOST_UNSUITABLE", text: /it has no flock/ },
    },
];

const WAYS_TO_ROOT: readonly HostKind[] = [
    {
        name: "doas, and no sudo",
        host: debian("13", DOAS),
        refused: { code: "SUDO_REFUSED", text: /no sudo that the account finds.*ln -s/ },
    },
    {
        name: "doas under the name of sudo",
        host: debian("13", `${DOAS}\nln -s doas /usr/bin/sudo`),
        note: "`permit nopass ACCOUNT as root` in doas.conf.",
    },
    {
        name: "doas under the name of sudo, not permitted",
        host: debian("13", `${DOAS}\nln -s doas /usr/bin/sudo\necho 'deny admin' >>/etc/doas.conf`),
        refused: { code: "SUDO_REFUSED", text: /doas does not let the account/ },
    },
];

const LOGINS: readonly HostKind[] = [
    ...["/usr/bin/bash", "/usr/bin/fish", "/usr/bin/tcsh", "/usr/bin/zsh", "/bin/rbash"].map(
        (loginShell): HostKind => ({
            name: `login shell ${loginShell.replace(/.*\//, "")}`,
            host: { ...debian("12"), loginShell },
        }),
    ),
    {
        name: "a talkative PAM: banner, motd, pam_echo, pam_exec",
        host: withPam(debian("12", TALKATIVE), "PrintMotd yes", "Banner /etc/issue.net"),
    },
    {
        name: "a start-up file that prints on stderr",
        host: { ...debian("12", "echo 'echo Welcome >&2' >~admin/.bashrc"), loginShell: "/usr/bin/bash" },
    },
    {
        name: "a start-up file that prints on stdout",
        host: { ...debian("12", "echo 'echo Welcome' >~admin/.bashrc"), loginShell: "/usr/bin/bash" },
        refused: { code: "UNEXPECTED_OUTPUT", text: /"Welcome"/ },
        note: "Print only if the shell is interactive: `case $- in *i*) ... ;; esac`.",
    },
];

const MOUNTS: readonly HostKind[] = [
    { name: "/proc with hidepid=2", host: debian("12", "mount -o remount,hidepid=2 /proc") },
    { name: "/run noexec", host: debian("12", "mount -o remount,noexec,nosuid,nodev /run") },
    {
        name: "/run full",
        host: debian("12", "mount -o remount,size=512k /run\ncat /dev/zero >/run/full 2>/dev/null || true"),
        refused: { code: "HOST_UNSUITABLE", text: /\/run has no room/ },
    },
    {
        name: "/run without free inodes",
        host: debian("12", `mount -o remount,nr_inodes=40 /run\ni=0\n${FILL}`),
        refused: { code: "HOST_UNSUITABLE", text: /\/run has no room/ },
    },
    {
        name: "/run read-only",
        host: debian("12", "mount -o remount,ro /run"),
        refused: { code: "HOST_UNSUITABLE", text: /\/run is read-only/ },
    },
    {
        name: "/run on a disk",
        host: debian("12", "umount -l /run\nmkdir -p /run/sshd"),
        refused: { code: "HOST_UNSUITABLE", text: /not a tmpfs/ },
    },
];

const LIMITS: readonly HostKind[] = [
    {
        name: "ulimit -f 0",
        host: limited("hard fsize 0"),
        refused: { code: "HOST_UNSUITABLE", text: /files of at most 0 bytes \(ulimit -f\)/ },
    },
    {
        name: "ulimit -n 12",
        host: limited("hard nofile 12"),
        refused: { code: "HOST_UNSUITABLE", text: /at most 12 open files \(ulimit -n\)/ },
    },
    { name: "ulimit -n 64", host: limited("hard nofile 64") },
    {
        // Not of the account: the kernel counts it for all hosts of the machine.
        name: "ulimit -u 0 for root",
        host: withPam(debian("12", "echo 'root hard nproc 0' >>/etc/security/limits.conf")),
        note: "The limit does not count for root.",
    },
    {
        name: "command_timeout of sudo, longer than the run",
        host: debian("12", "echo 'Defaults command_timeout=300' >>/etc/sudoers"),
        note: "A run that takes longer is ended by sudo, and wakes; make it longer than the run may take.",
    },
];

export const HOST_KINDS: readonly HostKind[] = [
    ...USER_LANDS.map((kind) => ({ ...kind, tools: "others" as const })),
    ...WAYS_TO_ROOT,
    ...LOGINS,
    ...MOUNTS,
    ...LIMITS,
];

/** What a tool sets for the tests of kinds of hosts: names, as JSON. Without it, those are meant that are tested often. */
export const HOST_KINDS_VARIABLE = "ACS_HOST_KINDS";

export function chosenKinds(names = process.env[HOST_KINDS_VARIABLE]): readonly HostKind[] {
    if (names === undefined) {
        return HOST_KINDS.filter(({ often }) => often);
    }
    return (JSON.parse(names) as string[]).map((name) => {
        const kind = HOST_KINDS.find((one) => one.name === name);
        if (kind === undefined) {
            throw new Error(`there is no kind of host ${JSON.stringify(name)}`);
        }
        return kind;
    });
}
