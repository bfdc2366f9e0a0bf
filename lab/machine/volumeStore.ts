import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { linesOf } from "../lines";

const run = promisify(execFile);
const COMMAND_LIMIT_MS = 300_000;
/** It takes from the disk what is really written. */
const SIZE = "64G";

/** In a mount namespace of its own, which ends with the process: then nothing is mounted any more. $1: an empty folder. */
const HOLD = `set -e
truncate -s ${SIZE} "$1/image"
mkfs.xfs -q -m reflink=1 "$1/image"
mkdir "$1/store"
mount -o loop "$1/image" "$1/store"
rm "$1/image"
echo mounted
read -r _ || true`;

/** A range of a file of the store. */
export interface Part {
    readonly file: string;
    readonly offsetMiB: number;
    readonly sizeMiB: number;
}

/**
 * What machines' volumes lie on: a file system whose files share their blocks, so that a copy of many volumes is taken at
 * one instant (lab/cloud/local_cloud/volume_contents.py). It ends with this process, whatever ends that.
 */
export class VolumeStore {
    private constructor(
        private readonly holder: ChildProcessByStdio<Writable, Readable, Readable>,
        private readonly mountPoint: string,
        /** Where everybody sees it. */
        readonly folder: string,
    ) {}

    static async start(): Promise<VolumeStore> {
        const mountPoint = mkdtempSync(join(tmpdir(), "machines-"));
        const holder = spawn(
            "unshare",
            ["--mount", "--propagation", "private", "sh", "-c", HOLD, "sh", mountPoint],
            { stdio: ["pipe", "pipe", "pipe"] },
        );
        try {
            await linesOf([holder.stdout, holder.stderr], once(holder, "close")).waitForLine(/^mounted$/);
        } catch (error) {
            rmSync(mountPoint, { recursive: true, force: true });
            throw new Error("there is no store for the volumes of machines", { cause: error });
        }
        return new VolumeStore(holder, mountPoint, `/proc/${holder.pid ?? 0}/root${mountPoint}/store`);
    }

    path(name: string): string {
        return join(this.folder, name);
    }

    /** Takes a file of another file system in; what is empty in it takes no room. */
    async take(file: string, name: string): Promise<string> {
        await run("cp", ["--sparse=always", file, this.path(name)], { timeout: COMMAND_LIMIT_MS });
        return this.path(name);
    }

    async empty(name: string, sizeMiB: number): Promise<string> {
        await run("truncate", ["-s", `${sizeMiB}M`, this.path(name)]);
        return this.path(name);
    }

    /** A new file with all of these, one after the other; it shares their blocks. */
    async join(name: string, parts: readonly Part[]): Promise<string> {
        const target = this.path(name);
        const length = parts.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
        await run("truncate", ["-s", `${length}M`, target]);
        let offsetMiB = 0;
        for (const part of parts) {
            const { file, sizeMiB } = part;
            const reflink = `reflink ${file} ${part.offsetMiB}m ${offsetMiB}m ${sizeMiB}m`;
            await run("xfs_io", ["-c", reflink, target], { timeout: COMMAND_LIMIT_MS });
            offsetMiB += sizeMiB;
        }
        return target;
    }

    /** Runs a shell command where the store is mounted, and where what it mounts ends with it. */
    async run(command: string): Promise<string> {
        const args = [
            "--target",
            String(this.holder.pid),
            "--mount",
            "unshare",
            "--mount",
            "sh",
            "-c",
            command,
        ];
        const { stdout } = await run("nsenter", args, {
            timeout: COMMAND_LIMIT_MS,
            cwd: "/",
            maxBuffer: 64 * 1024 * 1024,
        });
        return stdout;
    }

    /** The path of a file for `run`. */
    inside(name: string): string {
        return join(this.mountPoint, "store", name);
    }

    async stop(): Promise<void> {
        this.holder.stdin.end();
        if (this.holder.exitCode === null) {
            await once(this.holder, "exit", { signal: AbortSignal.timeout(COMMAND_LIMIT_MS) });
        }
        rmSync(this.mountPoint, { recursive: true, force: true });
    }
}
