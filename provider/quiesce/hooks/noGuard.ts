import type { Failure } from "../../base/errors";

/** What came instead of the guard's first line. */
export interface Instead {
    /** Undefined: nothing, until the command ended or the time was over. */
    readonly firstLine: string | undefined;
    readonly stderr: string;
    /** Whether the guard was to be started by sudo. */
    readonly sudo: boolean;
}

/** Why the guard did not start, by what was said instead. */
export function noGuardFailure({ firstLine, stderr, sudo }: Instead): Failure {
    const said = withoutNoise(stderr);
    const cause =
        sudo && firstLine === undefined ? SUDO_CAUSES.find(({ pattern }) => pattern.test(said)) : undefined;
    if (cause !== undefined) {
        return {
            code: "SUDO_REFUSED",
            message: `${cause.message}: ${quoted(said)}.`,
            remedy: cause.remedy,
        };
    }
    return {
        code: "UNEXPECTED_OUTPUT",
        message:
            `The account does not run what it is told to, or says something of its own before. First it said: ${quoted(firstLine ?? "")}; ` +
            `on stderr: ${quoted(said)}.`,
        remedy:
            "The account needs a login shell, no forced command, and a shell start-up file (such as .bashrc) that prints " +
            "nothing, reads nothing and starts no other shell when there is no terminal.",
    };
}

/** sudo says so, and goes on. */
function withoutNoise(stderr: string): string {
    return stderr
        .split("\n")
        .filter((line) => !/^sudo(-rs)?: unable to resolve host /.test(line))
        .join("\n")
        .trim();
}

const LINE = 'docs/linux.md, "SSH account and sudo", has the line for sudoers.';

/** In the words of sudo 1.9, of sudo-rs 0.2 and of the shells. The first that fits counts. */
const SUDO_CAUSES: readonly {
    readonly pattern: RegExp;
    readonly message: string;
    readonly remedy: string;
}[] = [
    {
        // dash, bash, csh, busybox; zsh; fish; rbash.
        pattern:
            /(^|[\s:])sudo: (command )?not found|command not found: sudo|Unknown command:? '?sudo|\bsudo: No such file/i,
        message: "The host has no sudo that the account finds",
        remedy:
            "Install sudo. Or, where doas lets the account run as root without a password, give it that name: " +
            'ln -s "$(command -v doas)" /usr/local/bin/sudo. Or log in as root. Or, for scripts that need no ' +
            "privilege, set quiesce.sudo: false.",
    },
    {
        pattern: /^sudo(-rs)?: .*must have a tty/m,
        message: "sudo wants a terminal",
        remedy: "Add to sudoers: Defaults:ACCOUNT !requiretty (with the account's name).",
    },
    {
        pattern:
            /^sudo(-rs)?: .*(password is required|authentication is required|terminal is required|no password was provided)/im,
        message: "sudo does not let the account run as root without a password",
        remedy: `Give the account NOPASSWD for all commands; ${LINE}`,
    },
    {
        pattern:
            /not in the sudoers file|is not allowed to (execute|run)|afraid I can't do that|may not run sudo/i,
        message: "sudo does not let the account run as root",
        remedy: `Give the account NOPASSWD for all commands; ${LINE}`,
    },
    {
        pattern:
            /^sudo(-rs)?: .*(account (validation failure|has expired|expired)|account management error)/im,
        message: "sudo refuses the account",
        remedy: "See `chage -l` of the account, and what PAM has for sudo (/etc/pam.d/sudo) on the host.",
    },
    {
        pattern: /^doas: /m,
        message: "doas does not let the account run as root without a password",
        remedy: "Have in doas.conf, with the account's name: permit nopass ACCOUNT as root",
    },
    {
        pattern: /^sudo(-rs)?: '?"?(sh|\/bin\/sh)'?"?: command not found/m,
        message: "sudo finds no sh",
        remedy: "Have /usr/bin and /bin in secure_path of sudoers.",
    },
    {
        pattern: /^sudo(-rs)?: /m,
        message: "sudo does not run what it is told to",
        remedy: `See what it says, and put that right on the host; ${LINE}`,
    },
];

const QUOTED = 200;

/** The host's own words, without control characters. */
function quoted(text: string): string {
    return JSON.stringify(text.slice(0, QUOTED));
}
