import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { shellQuote } from "../../provider/quiesce/hooks/guardProgram";
import type { CloudInstance, LocalCloud } from "../cloud/localCloud";
import type { SshHost } from "../hosts/sshHost";

export interface VolumeLayout {
    /** Where it is mounted in the host, below /mnt. */
    readonly mountPoint: string;
    readonly fileSystem: "ext4" | "xfs";
    /** @default 400 */
    readonly sizeMiB?: number;
}

interface Volume extends Required<VolumeLayout> {
    readonly volumeId: string;
    readonly offsetMiB: number;
}

/** A snapshot as a volume of its own, not mounted yet. */
export interface RestoredVolume {
    readonly volumeId: string;
    readonly fileSystem: "ext4" | "xfs";
    /** Where the original is mounted. */
    readonly originalMountPoint: string;
    /** Path in the host. */
    readonly file: string;
}

const run = promisify(execFile);
/** The host's, so that it ends with the host. */
const STORE = "/run/volume-store";
const ORIGINALS = `${STORE}/volumes`;
const MIB = 1024 * 1024;
const COMMAND_LIMIT_MS = 120_000;
/** Of all that writers have written, read back. */
const OUTPUT_LIMIT = 512 * MIB;
/** Of what the store may hold; it takes from the disk what is really written. */
const STORE_SIZE = "64G";

/**
 * Gives the data volumes of an instance real contents, mounted in its host: files on XFS that share their blocks with
 * those of their snapshots. Everything is in the host's own mount namespace and ends with the host, whatever ends it.
 * A watchdog outside of the host and of this process thaws what is frozen too long, and all of it when this process is
 * gone.
 *
 * Volumes of the instance, in their order, the root volume left out: it has no contents.
 */
export async function mountVolumes(
    cloud: LocalCloud,
    instance: CloudInstance,
    host: SshHost,
    layouts: readonly VolumeLayout[],
): Promise<Volumes> {
    const dataVolumes = instance.volumeIds.filter((id) => id !== instance.rootVolumeId);
    let offsetMiB = 0;
    const volumes = layouts.map((layout, index): Volume => {
        const volumeId = dataVolumes[index];
        if (volumeId === undefined) {
            throw new Error(`the instance has no data volume number ${index + 1}`);
        }
        const volume = { sizeMiB: 400, ...layout, volumeId, offsetMiB };
        offsetMiB += volume.sizeMiB;
        return volume;
    });
    await allowOnlyVolumesToBeFrozen(host);
    await makeStore(host);
    for (const volume of volumes) {
        await makeFileSystem(host, volume);
    }
    const watchdog = await Watchdog.start(
        host,
        volumes.map((one) => one.mountPoint),
    );
    for (const volume of volumes) {
        const range = `offset=${volume.offsetMiB * MIB},sizelimit=${volume.sizeMiB * MIB}`;
        await hostRun(host, mountCommand(ORIGINALS, volume.mountPoint, volume, range));
        await cloud.giveContents(volume.volumeId, {
            file: host.path(ORIGINALS),
            offset: volume.offsetMiB * MIB,
            length: volume.sizeMiB * MIB,
        });
    }
    return new Volumes(host, volumes, watchdog);
}

export class Volumes {
    readonly #host: SshHost;
    readonly #volumes: readonly Volume[];
    readonly #watchdog: Watchdog;
    #restored = 0;

    constructor(host: SshHost, volumes: readonly Volume[], watchdog: Watchdog) {
        this.#host = host;
        this.#volumes = volumes;
        this.#watchdog = watchdog;
    }

    get mountPoints(): string[] {
        return this.#volumes.map((one) => one.mountPoint);
    }

    /**
     * Before anything can freeze: from now on they are thawed after so many seconds, again and again, until told
     * otherwise.
     */
    async thawAfter(seconds: number): Promise<void> {
        await this.#watchdog.tell(seconds);
    }

    /** Nothing can freeze any more. */
    async stayAwake(): Promise<void> {
        await this.#watchdog.tell(0);
    }

    /** New volumes with what the snapshots hold; of volumes without contents none. */
    async restore(snapshots: readonly { snapshotId: string; volumeId: string }[]): Promise<RestoredVolume[]> {
        const restored: RestoredVolume[] = [];
        for (const { snapshotId, volumeId } of snapshots) {
            const original = this.#volumes.find((one) => one.volumeId === volumeId);
            if (original !== undefined) {
                const { fileSystem, mountPoint } = original;
                this.#restored += 1;
                const file = `${STORE}/restored-${this.#restored}`;
                await hostRun(this.#host, `cp --reflink=always ${STORE}/${snapshotId} ${file}`);
                restored.push({ volumeId, fileSystem, originalMountPoint: mountPoint, file });
            }
        }
        return restored;
    }

    /**
     * Runs a shell command in the host, as root, where these volumes are mounted in the place of the originals: as on
     * another server. That view, and all that was started in it, ends with the command.
     *
     * @param mountOptions by file system, such as `ro,noload`: without replay of the journal
     */
    async runOn(
        restored: readonly RestoredVolume[],
        command: string,
        mountOptions: Partial<Record<RestoredVolume["fileSystem"], string>> = {},
    ): Promise<string> {
        const mounts = restored.map((volume) =>
            mountCommand(volume.file, volume.originalMountPoint, volume, mountOptions[volume.fileSystem]),
        );
        const script = [...mounts, command].join(" && ");
        const namespaces = "--mount --propagation private --pid --fork --kill-child --mount-proc";
        return await hostRun(this.#host, `unshare ${namespaces} sh -c ${shellQuote(script)}`);
    }

    async discard(volume: RestoredVolume): Promise<void> {
        await hostRun(this.#host, `rm -f ${volume.file}`);
    }

    /** Thaws. The rest ends with the host. */
    async stop(): Promise<void> {
        await this.#watchdog.stop();
    }
}

/** Runs a shell command in the host as root. @throws with its output when it fails */
export async function hostRun(host: SshHost, command: string): Promise<string> {
    const [program, args] = host.commandLine(command);
    const { stdout } = await run(program, args, { timeout: COMMAND_LIMIT_MS, maxBuffer: OUTPUT_LIMIT });
    return stdout;
}

/**
 * Whatever a test asks for: in its host nothing can be frozen but its own volumes. The machine's file systems are
 * there as well.
 */
async function allowOnlyVolumesToBeFrozen(host: SshHost): Promise<void> {
    const path = (await hostRun(host, "command -v fsfreeze")).trim();
    await hostRun(host, `cp ${path} /run/fsfreeze && rm ${path}`);
    host.writeScript(
        path,
        `#!/bin/sh
case $1,$(findmnt -n -o SOURCE -T "$2") in
-u,* | --unfreeze,* | *,/dev/loop*) exec /run/fsfreeze "$@" ;;
*) echo "$2 is no volume of the test" >&2 && exit 99 ;;
esac
`,
    );
}

async function makeStore(host: SshHost): Promise<void> {
    const image = join(tmpdir(), `volume-store-${process.pid}-${host.port}`);
    try {
        // Mounted, it has no name any more: what uses it, ends it.
        await hostRun(
            host,
            `chmod 755 /mnt && mkdir ${STORE} && truncate -s ${STORE_SIZE} ${image} && ` +
                `mkfs.xfs -q -m reflink=1 ${image} && mount -o loop ${image} ${STORE} && rm ${image}`,
        );
    } finally {
        rmSync(image, { force: true });
    }
}

/** Made in a file of its own and moved in by sharing its blocks: mkfs.xfs knows no offset. */
async function makeFileSystem(host: SshHost, volume: Volume): Promise<void> {
    const { fileSystem, sizeMiB, offsetMiB } = volume;
    const draft = `${STORE}/draft`;
    const make =
        fileSystem === "ext4" ? "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0" : "mkfs.xfs -q";
    await hostRun(
        host,
        `truncate -s ${sizeMiB}M ${draft} && ${make} ${draft} && truncate -s ${offsetMiB + sizeMiB}M ${ORIGINALS} && ` +
            `xfs_io -c "reflink ${draft} 0 ${offsetMiB}m ${sizeMiB}m" ${ORIGINALS} >/dev/null && rm ${draft}`,
    );
}

function mountCommand(
    file: string,
    mountPoint: string,
    { fileSystem }: Pick<VolumeLayout, "fileSystem">,
    more = "",
): string {
    // The original of an XFS may be mounted as well.
    const options = ["loop", ...(fileSystem === "xfs" ? ["nouuid"] : []), ...(more === "" ? [] : [more])];
    return `mkdir -p ${mountPoint} && mount -t ${fileSystem} -o ${options.join(",")} ${file} ${mountPoint}`;
}

/** volumeWatchdog.sh: in the host's mounts, but none of its processes, and in a session of its own. */
class Watchdog {
    readonly #child: ChildProcessByStdio<Writable, Readable, null>;
    readonly #answers: Interface;

    private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
        this.#child = child;
        this.#answers = createInterface({ input: child.stdout });
    }

    static async start(host: SshHost, mountPoints: readonly string[]): Promise<Watchdog> {
        const script = join(__dirname, "volumeWatchdog.sh");
        const args = [
            "--target",
            String(host.pid),
            "--mount",
            "bash",
            script,
            String(host.pid),
            ...mountPoints,
        ];
        const child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "ignore"], detached: true });
        // It ends by itself when this process does.
        child.unref();
        const watchdog = new Watchdog(child);
        await watchdog.tell(0);
        return watchdog;
    }

    async tell(seconds: number): Promise<void> {
        const heard = once(this.#answers, "line", { signal: AbortSignal.timeout(COMMAND_LIMIT_MS) });
        this.#child.stdin.write(`${seconds}\n`);
        await heard;
    }

    async stop(): Promise<void> {
        await this.tell(1);
        this.#child.stdin.end();
    }
}
