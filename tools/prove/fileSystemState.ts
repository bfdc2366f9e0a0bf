import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import type { SshHost } from "../../lab/hosts/sshHost";
import { type RestoredVolume, type Volumes, hostRun } from "../../lab/volumes/volumes";

/** What a file system is like before anybody has mounted it. */
export interface FileSystemState {
    /** Something would be missing, or other than it is, without a replay of its journal. */
    readonly needsReplay: boolean;
    /** What its own checker finds after a mount; and that its files cannot all be read. */
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
            needsReplay: journals[index] !== true || isOther(before[index], after[index]),
            problems: [...unreadable(after[index]), ...(problems[index] ?? [])],
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

type Fingerprint = { readonly hash: string } | { readonly error: string };

/** A tree that cannot be read is like no other: not even like one that fails in the same way. */
function isOther(before: Fingerprint | undefined, after: Fingerprint | undefined): boolean {
    const readable = before !== undefined && after !== undefined && "hash" in before && "hash" in after;
    return !readable || before.hash !== after.hash;
}

function unreadable(tree: Fingerprint | undefined): string[] {
    return tree !== undefined && "error" in tree ? [`cannot be read: ${tree.error}`] : [];
}

/** One of each volume's whole tree. */
async function fingerprints(
    volumes: Volumes,
    restored: readonly RestoredVolume[],
    mountOptions?: typeof NO_REPLAY,
): Promise<Fingerprint[]> {
    return await Promise.all(
        restored.map(async (volume) => {
            // Without pipefail, which dash has not, the sum of what tar could read would count as the whole.
            const tree = `set -o pipefail; tar --create --sort=name --directory ${volume.originalMountPoint} . | sha256sum`;
            try {
                return { hash: await volumes.runOn([volume], `bash -c ${shellQuote(tree)}`, mountOptions) };
            } catch (error) {
                return { error: String(error) };
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
