import type { Machine } from "../../../lab/machine/machine";
import { nextPart, numbersOf, partsOf, type RestoredData } from "../application";
import { notTogether } from "../files";

/** What a machine that booted from a set was found to be. */
export interface Copy {
    readonly database: RestoredData;
    readonly files: RestoredData;
    /** What `systemd-fsck` and the kernel said of the file systems at boot. */
    readonly boot: BootLog;
    /** Files of ours by name, and files that name the run, on any volume. */
    readonly foreign: readonly string[];
}

export interface BootLog {
    /** Its checker found it clean before anything was mounted, and nobody replayed its journal. */
    readonly dataIsClean: boolean;
    /** The root file system is never frozen: it starts as after a loss of power. */
    readonly rootReplayed: boolean;
    readonly problems: readonly string[];
}

const SQL = "psql -X -q -A -t -F ' ' -U postgres -d postgres";
const LOG = "/run/postgresql/log";

/** Of the logical volume; the kernel knows it by its number. */
const DATA = /data-data|\(dm-\d+\)/;
const REPLAY = /recovering journal|recovery complete/;

/** @param lines of the journal of this boot */
export function readBootLog(lines: readonly string[]): BootLog {
    const ofData = lines.filter((line) => DATA.test(line));
    const replayed = lines.filter((line) => REPLAY.test(line));
    return {
        dataIsClean:
            ofData.some((line) => /: clean,/.test(line)) && !ofData.some((line) => REPLAY.test(line)),
        rootReplayed: replayed.some((line) => !DATA.test(line)),
        problems: lines.filter((line) =>
            /(EXT4-fs|XFS).*(error|corrupt|shutdown|warning)|UNEXPECTED INCONSISTENCY|contains a file system with errors/i.test(
                line,
            ),
        ),
    };
}

/** What runs there, and what it holds. Ends its database. */
export async function lookAtCopy(machine: Machine, executionId: string): Promise<Copy> {
    const output = await machine.run(
        `findmnt -n -o TARGET,SOURCE,FSTYPE /mnt/data; findmnt -n -o TARGET,FSTYPE /mnt/log; ${nextPart}; ` +
            `journalctl -b -o cat --no-pager | grep -a -E 'clean,|journal|recover|EXT4-fs|XFS|fsck|file system' || true; ${nextPart}; ` +
            `${SQL} -c 'select writer, n from numbers order by 1, 2' 2>&1; ${nextPart}; ` +
            `cat ${LOG}; ${nextPart}; ` +
            `cat /mnt/data/first; ${nextPart}; cat /mnt/log/second; ${nextPart}; ` +
            `${SQL} -c 'insert into numbers values (99, 1)' 2>&1; ` +
            `systemctl stop database; ` +
            `setpriv --reuid postgres $(ls -d /usr/lib/postgresql/*/bin)/pg_checksums --check -D /mnt/data/postgresql 2>&1 >/dev/null; ` +
            `${nextPart}; ${findOurs(executionId)}`,
    );
    const [
        mounts = [],
        boot = [],
        rows = [],
        log = [],
        first = [],
        second = [],
        problems = [],
        foreign = [],
    ] = partsOf(output);
    const [numbersFirst, numbersSecond] = [numbersOf(first), numbersOf(second)];
    const numbers = numbersSecond.map((list) => list.toSorted((a, b) => a - b));
    return {
        database: {
            numbers: numbersOf(rows),
            recovery: log.filter((line) =>
                /not properly shut down|was interrupted|redo (starts|done)/.test(line),
            ),
            problems: [
                ...mountProblems(mounts),
                ...problems,
                ...log.filter((line) => /PANIC|FATAL|ERROR|could not/.test(line)),
            ],
        },
        files: {
            numbers,
            recovery: [],
            problems: numbersFirst.flatMap((list, writer) => notTogether(list, numbers[writer] ?? [])),
        },
        boot: readBootLog(boot),
        foreign,
    };
}

/** LVM has assembled the stripe, and each file system is where it was. */
export function mountProblems(mounts: readonly string[]): string[] {
    const wanted = ["/mnt/data /dev/mapper/data-data ext4", "/mnt/log xfs"];
    const found = mounts.map((line) => line.trim().split(/\s+/).join(" "));
    return wanted.filter((line) => !found.includes(line)).map((line) => `not mounted: ${line}`);
}

function findOurs(executionId: string): string {
    const names = "-name '*app-consistent*' -o -name '*pre-freeze*' -o -name '*post-thaw*'";
    return (
        `find / /mnt/data /mnt/log -xdev ${names}; ` +
        `grep -r -l -a -F -s -e ${executionId} /etc /home /root /tmp /usr/local /var /mnt || true`
    );
}
