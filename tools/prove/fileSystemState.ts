import type { SshHost } from "../../test/support/sshHost";
import { type RestoredVolume, type Volumes, hostRun } from "../../test/support/volumes";

/** What a file system is like before anybody has mounted it. */
export interface FileSystemState {
    /** Something would be missing, or other than it is, without a replay of its journal. */
    readonly needsReplay: boolean;
    /** What its own checker finds after a mount. */
    readonly problems: readonly string[];
}

/** Without a look at the journal. */
const NO_REPLAY = { ext4: "ro,noload", xfs: "ro,norecovery" };
const CHECK = { ext4: "e2fsck -f -n", xfs: "xfs_repair -n" };

/**
 * ext4 has an empty journal when it is frozen, and says so. XFS never has: it leaves records in its log of what it has
 * written in place already (xfs_fs_freeze in the kernel's fs/xfs/xfs_super.c), and its tools and mounts speak of
 * recovery. So what is compared is the whole tree, names, times and contents, without a replay and with one.
 */
export async function fileSystemStates(
    host: SshHost,
    volumes: Volumes,
    restored: readonly RestoredVolume[],
): Promise<FileSystemState[]> {
    const before = await fingerprints(volumes, restored, NO_REPLAY);
    const copies = restored.map((volume) => ({ ...volume, file: `${volume.file}.checked` }));
    for (const [index, { file }] of copies.entries()) {
        await hostRun(host, `cp --reflink=always ${restored[index]?.file ?? ""} ${file}`);
    }
    try {
        const journals = await Promise.all(copies.map((copy) => journalIsEmpty(host, copy)));
        const after = await fingerprints(volumes, copies);
        const problems = await Promise.all(copies.map((copy) => problemsOf(host, copy)));
        return copies.map((_, index) => ({
            needsReplay: journals[index] !== true || before[index] !== after[index],
            problems: problems[index] ?? [],
        }));
    } finally {
        await Promise.all(copies.map((copy) => volumes.discard(copy)));
    }
}

async function journalIsEmpty(host: SshHost, { fileSystem, file }: RestoredVolume): Promise<boolean> {
    if (fileSystem === "xfs") {
        return true;
    }
    return !/\bneeds_recovery\b/.test(await hostRun(host, `dumpe2fs -h ${file} 2>/dev/null`));
}

/** One of each volume's whole tree; that of one which cannot be read is like no other. */
async function fingerprints(
    volumes: Volumes,
    restored: readonly RestoredVolume[],
    mountOptions?: typeof NO_REPLAY,
): Promise<string[]> {
    return await Promise.all(
        restored.map(async (volume) => {
            const tar = `tar --create --sort=name --directory ${volume.originalMountPoint} .`;
            const tree = `bash -o pipefail -c '${tar} | sha256sum'`;
            try {
                return await volumes.runOn([volume], tree, mountOptions);
            } catch (error) {
                return String(error);
            }
        }),
    );
}

async function problemsOf(host: SshHost, { fileSystem, file }: RestoredVolume): Promise<string[]> {
    const output = await hostRun(
        host,
        `if said=$(${CHECK[fileSystem]} ${file} 2>&1); then :; else printf '%s\\n' "$said"; fi`,
    );
    return output.split("\n").filter((line) => line !== "");
}
