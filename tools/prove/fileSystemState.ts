import type { SshHost } from "../../test/support/sshHost";
import { type RestoredVolume, hostRun } from "../../test/support/volumes";

/** What a file system is like before anybody has mounted it. */
export interface FileSystemState {
    readonly fileSystem: "ext4" | "xfs";
    /** Its journal has changes to files or folders that have to be replayed. */
    readonly needsReplay: boolean;
    /** What its own checker finds, on a copy whose journal has been replayed if it has to be. */
    readonly problems: readonly string[];
}

export async function fileSystemState(host: SshHost, volume: RestoredVolume): Promise<FileSystemState> {
    return volume.fileSystem === "ext4" ? await ext4State(host, volume) : await xfsState(host, volume);
}

/** ext4 notes in its superblock that its journal is not empty (`needs_recovery`); a freeze empties it. */
async function ext4State(host: SshHost, { file, fileSystem }: RestoredVolume): Promise<FileSystemState> {
    const features = await hostRun(host, `dumpe2fs -h ${file} 2>/dev/null | grep '^Filesystem features'`);
    const needsReplay = /\bneeds_recovery\b/.test(features);
    const problems = await onCopy(host, file, (copy) =>
        // Replays the journal, then only looks.
        needsReplay ? `{ e2fsck -p -E journal_only ${copy}; e2fsck -f -n ${copy}; }` : `e2fsck -f -n ${copy}`,
    );
    return { fileSystem, needsReplay, problems };
}

/**
 * XFS leaves a record of its counters in its log when it is frozen, so that the log is never empty (xfs_fs_freeze in
 * the kernel's fs/xfs/xfs_super.c): what counts is whether it has anything else, and whether all files are there
 * without the log.
 */
async function xfsState(host: SshHost, volume: RestoredVolume): Promise<FileSystemState> {
    const log = await hostRun(host, `xfs_logprint -t ${volume.file} 2>&1 || true`);
    const needsReplay = !onlyCounters(log);
    const problems = await onCopy(host, volume.file, (copy) => {
        const replay = `mkdir -p /run/replay && mount -t xfs -o loop,nouuid ${copy} /run/replay && umount /run/replay`;
        return `{ ${replay} && xfs_repair -n ${copy}; }`;
    });
    return { fileSystem: volume.fileSystem, needsReplay, problems };
}

/** Whether all buffers in a log are the superblock. */
export function onlyCounters(logPrint: string): boolean {
    const buffers = [...logPrint.matchAll(/^BUF:/gm)].length;
    const superblocks = [...logPrint.matchAll(/SUPER B(lock|UFFER)/gi)].length;
    return buffers === superblocks && !/^(INO|EFI|EFD|RUI|CUI|BUI|ICR|DQ)/m.test(logPrint);
}

/** @returns the checker's output when it finds something */
async function onCopy(host: SshHost, file: string, check: (copy: string) => string): Promise<string[]> {
    const copy = `${file}.checked`;
    try {
        await hostRun(host, `cp --reflink=always ${file} ${copy} && ${check(copy)} >${copy}.log 2>&1`);
        return [];
    } catch {
        return (await hostRun(host, `tail -n 20 ${copy}.log`)).split("\n").filter((line) => line !== "");
    } finally {
        await hostRun(host, `rm -f ${copy} ${copy}.log`);
    }
}
