// Makes the boot disk of the lab's virtual machines (lab/machine), which `npm run prove -- --vm` starts: Debian by mmdebstrap,
// from the archive that the machine's own apt knows.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const SCRIPT = "lab/setup/machine/makeBootDisk.sh";

/** What makes such a machine and what runs it, with the Debian package that has it. */
export const MACHINE_COMMANDS = [
    { command: "qemu-system-x86_64", package: "qemu-system-x86" },
    { command: "mmdebstrap", package: "mmdebstrap" },
    { command: "extlinux", package: "extlinux" },
    { file: "/usr/lib/EXTLINUX/gptmbr.bin", package: "extlinux" },
    { command: "sfdisk", package: "fdisk" },
];

/** Where `boot.raw`, the private `key` of the account admin, and `host_key.pub` lie. */
export function machineFolder(root) {
    return join(root, ".cache/machine");
}

/**
 * Quick when it is done already. Needs root, as an image has files of several accounts.
 *
 * @param {{ root: string, log: (line: string) => void }} options the repository's root
 * @returns {string} the folder
 */
export function setupMachine({ root, log }) {
    const folder = machineFolder(root);
    const contents = hashOf(root, [SCRIPT]);
    if (isStamped(join(folder, "stamp"), contents)) return folder;
    if (process.platform !== "linux" || process.getuid() !== 0) {
        throw new Error("a virtual machine's boot disk is made by root on Linux: run it with sudo");
    }
    log("making the boot disk of the virtual machine (2 to 10 minutes, 1 GB)");
    const draft = `${folder}-${process.pid}`;
    try {
        mkdirSync(draft, { recursive: true });
        // In mounts of its own: an interruption leaves none inside of what is then removed.
        const args = ["--mount", "--propagation", "private", "nice", "bash", join(root, SCRIPT), draft];
        run("unshare", args, { limitSeconds: 3600 });
        writeStamp(join(draft, "stamp"), contents);
        if (existsSync(folder)) rmSync(folder, { recursive: true });
        renameSync(draft, folder);
    } finally {
        rmSync(draft, { recursive: true, force: true });
    }
    return folder;
}
