import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { findEngine, ROOT } from "../engine/engine";

const USER_ID = 54323;
const PYTHON = join(ROOT, ".cache/cloud-venv/bin/python");

/**
 * The command's own mount namespace. $1: home. Then folders that others may not enter, "--", what has to be seen in them
 * all the same, the repository first, "--", and the command. Mounting there changes nothing for anybody else.
 */
const ENTER = `set -e
home=$1
shift
closed=''
while [ "$1" != -- ]; do
    closed="$closed
$1"
    shift
done
shift
root=$1
mount -t tmpfs -o mode=755 ordinary-user /mnt
{ cat /etc/passwd; echo "demo:x:${USER_ID}:${USER_ID}::$home:/bin/sh"; } >/mnt/passwd
mount --bind /mnt/passwd /etc/passwd
mkdir -p /mnt/seen
number=0
paths=''
while [ "$1" != -- ]; do
    number=$((number + 1))
    mkdir "/mnt/seen/$number"
    mount --bind "$1" "/mnt/seen/$number"
    paths="$paths
$1"
    shift
done
shift
echo "$closed" | while read -r folder; do
    [ -n "$folder" ] || continue
    mount -t tmpfs -o mode=755 ordinary-user "$folder"
    number=0
    echo "$paths" | while read -r path; do
        [ -n "$path" ] || continue
        number=$((number + 1))
        case $path in "$folder"/*) mkdir -p "$path"; mount --bind "/mnt/seen/$number" "$path" ;; esac
    done
done
chown ${USER_ID}:${USER_ID} "$home"
cd "$root"
exec setpriv --reuid=${USER_ID} --regid=${USER_ID} --clear-groups "$@"`;

/**
 * Starts a command as an account without any rights, in the repository, in a process group of its own. Needs root.
 * `home` is its home and its folder for temporary files.
 */
export function spawnAsOrdinaryUser(
    command: string[],
    home: string,
    env: Record<string, string>,
): ChildProcess {
    const python = execFileSync(PYTHON, ["-c", "import sys; print(sys.base_prefix)"], {
        encoding: "utf8",
    }).trim();
    const needed = [ROOT, python, findEngine()].map((path) => realpathSync(path));
    const closed = new Set(needed.map(closedFolderAbove).filter((folder) => folder !== undefined));
    const args = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        ENTER,
        "sh",
        home,
        ...closed,
        "--",
        ...needed,
        "--",
    ];
    return spawn("unshare", [...args, ...command], {
        cwd: ROOT,
        env: { ...env, HOME: home, TMPDIR: home },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
    });
}

/** The outermost folder that an account other than its owner may not pass through. */
function closedFolderAbove(path: string): string | undefined {
    const parent = dirname(path);
    const above = parent === path ? undefined : closedFolderAbove(parent);
    return above ?? ((statSync(path).mode & 0o005) === 0o005 ? undefined : path);
}
