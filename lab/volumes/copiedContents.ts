import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { CopiedVolume } from "../hosts/copies";
import type { SshHost } from "../hosts/sshHost";
import { hostRun } from "./volumes";

const run = promisify(execFile);
/** As volumes.ts has it, in the host that the snapshots were taken of. */
const STORE = "/run/volume-store";

/**
 * Mounts what the snapshots hold in the host of a copy, as EC2 makes new volumes of them: each a copy of its own.
 * @param places where what is at a device is mounted
 */
export async function mountContents(
    copy: SshHost,
    volumes: readonly CopiedVolume[],
    source: SshHost,
    places: Readonly<Record<string, string>>,
): Promise<void> {
    for (const { device, volumeId, snapshotId } of volumes) {
        const mountPoint = places[device];
        const from = source.path(`${STORE}/${snapshotId}`);
        if (mountPoint === undefined || !existsSync(from)) {
            continue;
        }
        const file = source.path(`${STORE}/${volumeId}`);
        await run("cp", ["--reflink=always", from, file]);
        const { stdout } = await run("losetup", ["--find", "--show", file]);
        const loop = stdout.trim();
        try {
            // The account of an application has to get there.
            const open = `chmod 755 "$(dirname ${mountPoint})"`;
            await hostRun(copy, `mkdir -p ${mountPoint} && ${open} && mount ${loop} ${mountPoint}`);
        } finally {
            // While it is mounted, that takes effect at its end.
            await run("losetup", ["--detach", loop]);
        }
    }
}
