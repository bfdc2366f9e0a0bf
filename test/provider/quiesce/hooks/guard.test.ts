import type { SshHostOptions } from "../../../../lab/hosts/sshHost";
import { describeGuard } from "./guardSuite";

const SHELLS = ["dash", "bash", "busybox"] as const;

const HOSTS: Record<string, SshHostOptions> = {
    ...Object.fromEntries(SHELLS.map((sh) => [`${sh} as sh`, { sh }])),
    ...Object.fromEntries(SHELLS.map((sh) => [`${sh} as root's sh, without sudo`, { sh, user: "root" }])),
    "login shell bash": { loginShell: "/usr/bin/bash" },
    "login shell fish": { loginShell: "/usr/bin/fish" },
    "login shell tcsh": { loginShell: "/usr/bin/tcsh" },
    "sudo with a pty and an I/O log": { sudo: "pty-and-log" },
    "sudo with a pty and an I/O log, busybox": {
        sudo: "pty-and-log",
        sh: "busybox",
        loginShell: "/usr/bin/fish",
    },
};

for (const [name, options] of Object.entries(HOSTS)) {
    describeGuard(name, options);
}
