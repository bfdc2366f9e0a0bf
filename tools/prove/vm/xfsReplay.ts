import type { VolumeStore } from "../../../lab/machine/volumeStore";

/** Where its only partition begins. */
const OFFSET = 1_048_576;

/**
 * Whether something on a volume's XFS would be missing, or other, without a replay of its log. XFS says that it recovers
 * after each freeze (see ../fileSystemState.ts), so the whole tree is compared, without a replay and with one.
 */
export async function xfsNeedsReplay(store: VolumeStore, snapshotId: string): Promise<boolean> {
    const copy = `${store.inside(snapshotId)}.checked`;
    const hash = (file: string, options: string) =>
        `mount -t xfs -o loop,offset=${OFFSET},nouuid,${options} ${file} $point && ` +
        `tar --create --sort=name --directory $point . | sha256sum && umount $point`;
    try {
        const output = await store.run(
            `set -e; point=$(mktemp -d); cp --reflink=always ${store.inside(snapshotId)} ${copy}; ` +
                `${hash(store.inside(snapshotId), "ro,norecovery")}; ${hash(copy, "rw")}; rmdir $point`,
        );
        const [before, after] = output.trim().split("\n");
        return before !== after;
    } finally {
        await store.run(`rm -f ${copy}`);
    }
}
