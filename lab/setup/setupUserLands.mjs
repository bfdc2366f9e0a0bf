// Makes the user lands that hosts of tests stand on: what other distributions have instead of the machine's own programs.
// debootstrap fetches Debian's from the archive that it knows. What Debian does not package cannot be had this way.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "./run.mjs";
import { hashOf, isStamped, writeStamp } from "./stamp.mjs";

const COMMON = ["openssh-server", "sudo", "busybox", "procps"];
const SHELLS = ["fish", "tcsh", "zsh"];
const RUST = ["sudo-rs", "rust-coreutils", "opendoas", "dropbear-bin"];

/** Of Debian's releases: the suite, and the packages beside the essential ones. */
const DEBIAN = {
    "debian-11": { suite: "bullseye", packages: COMMON },
    "debian-12": { suite: "bookworm", packages: [...COMMON, ...SHELLS] },
    "debian-13": { suite: "trixie", packages: [...COMMON, ...RUST] },
    "debian-sid": { suite: "sid", packages: [...COMMON, ...RUST] },
};

/** Without coreutils and util-linux: Debian's busybox, dropbear, and flock, which this busybox alone has not. */
const BUSYBOX = "busybox";
const BUSYBOX_SOURCE = "debian-13";
const BUSYBOX_PROGRAMS = ["/usr/bin/busybox", "/usr/sbin/dropbear", "/usr/bin/flock"];

export const USER_LANDS = [...Object.keys(DEBIAN), BUSYBOX];

/** Those of `npm test`. */
export const TEST_USER_LANDS = [BUSYBOX_SOURCE, BUSYBOX];

/** What nobody on such a host looks at. */
const USELESS = ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"];

/** Where a user land lies. */
export function userLandFolder(root, name) {
    return join(root, ".cache/user-lands", name);
}

/**
 * Quick when it is done already. Needs root: a user land has files of several accounts, and device files.
 *
 * @param {{ root: string, names: readonly string[], log: (line: string) => void }} options the repository's root
 */
export function setupUserLands({ root, names, log }) {
    for (const name of names) setupUserLand(root, name, log);
}

function setupUserLand(root, name, log) {
    const folder = userLandFolder(root, name);
    // Beside the folder, for what is inside is the host's.
    const stamp = `${folder}.stamp`;
    const contents = hashOf(root, ["lab/setup/setupUserLands.mjs"]);
    if (isStamped(stamp, contents) && existsSync(folder)) return;
    log(`making the user land ${name}`);
    const draft = `${folder}-${process.pid}`;
    try {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(dirname(draft), { recursive: true });
        if (name === BUSYBOX) makeBusybox(draft, userLandFolder(root, BUSYBOX_SOURCE));
        else makeDebian(draft, DEBIAN[name]);
        renameSync(draft, folder);
    } finally {
        rmSync(draft, { recursive: true, force: true });
    }
    writeStamp(stamp, contents);
}

function makeDebian(folder, { suite, packages }) {
    // In mounts of its own: an interruption leaves none inside of what is then removed.
    run("unshare", [
        "--mount",
        "--propagation",
        "private",
        "debootstrap",
        "--variant=minbase",
        "--force-check-gpg",
        `--include=${packages.join(",")}`,
        suite,
        folder,
    ]);
    for (const path of USELESS) rmSync(join(folder, path), { recursive: true, force: true });
}

function makeBusybox(folder, source) {
    const inSource = (command, ...args) => run("chroot", [source, command, ...args]);
    const libraries = inSource("ldd", ...BUSYBOX_PROGRAMS).match(/\/\S+\.so\S*/g) ?? [];
    // By the source's own links, which in here would lead into the machine's folders.
    const copy = `busybox-${process.pid}`;
    mkdirSync(join(source, copy));
    inSource("cp", "-L", "--parents", ...BUSYBOX_PROGRAMS, ...new Set(libraries), `/${copy}`);
    renameSync(join(source, copy), folder);
    for (const path of ["dev", "proc", "sys", "run", "tmp", "etc", "var", "mnt"])
        mkdirSync(join(folder, path));
    for (const path of inSource("busybox", "--list-full").trim().split("\n")) {
        const link = join(folder, path);
        mkdirSync(dirname(link), { recursive: true });
        if (!existsSync(link)) symlinkSync("/usr/bin/busybox", link);
    }
    for (const name of ["passwd", "shadow", "group"]) {
        const lines = readFileSync(join(source, "etc", name), "utf8").split("\n");
        const root = lines.filter((line) => line.startsWith("root:"));
        writeFileSync(join(folder, "etc", name), `${root.join("\n")}\n`);
    }
    writeFileSync(join(folder, "etc/shells"), "/bin/sh\n");
}
