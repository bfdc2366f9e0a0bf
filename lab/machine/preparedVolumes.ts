import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { ROOT } from "../engine/engine";
import { hashOf, isStamped, writeStamp } from "../setup/stamp.mjs";
import { machineFolder } from "../setup/setupMachine.mjs";
import { Machine } from "./machine";

const run = promisify(execFile);

/** The boot volume, two with PostgreSQL on an LVM stripe, and one with its WAL and plain files, one after the other in one file. */
export const VOLUME_SIZES_GIB = [2, 1, 1, 1];
const MIB_OF_GIB = 1024;
const SOURCES = [
    "lab/machine/prepare.sh",
    "lab/machine/preparedVolumes.ts",
    "lab/setup/machine/makeBootDisk.sh",
];
const PREPARE_LIMIT_MS = 900_000;
/** Nobody has these: they are the disks' serial numbers while the volumes are prepared. */
const IDS = VOLUME_SIZES_GIB.map((_, index) => `vol-0000000000000000${index}`);

/** The volumes of a machine that ran once and was shut down. Made by the first who asks; then it is quick. @returns the file */
export async function preparedVolumes(log: (line: string) => void): Promise<string> {
    const folder = machineFolder(ROOT);
    const file = join(folder, "prepared.raw");
    const contents = hashOf(ROOT, SOURCES);
    if (isStamped(`${file}.stamp`, contents)) {
        return file;
    }
    log("preparing the volumes of the virtual machine, in it (some minutes)");
    const draft = `${file}-${process.pid}`;
    try {
        await run("cp", ["--sparse=always", join(folder, "boot.raw"), draft]);
        await run("truncate", ["-s", `${sum(VOLUME_SIZES_GIB)}G`, draft]);
        await prepare(draft);
        await rename(draft, file);
    } finally {
        await rm(draft, { force: true });
    }
    writeStamp(`${file}.stamp`, contents);
    return file;
}

async function prepare(file: string): Promise<void> {
    const machine = await Machine.start({ instanceId: "i-00000000000000000", volumes: volumesIn(file, IDS) });
    try {
        await machine.ready();
        const serials = IDS.slice(1).map((id) => id.replace("-", ""));
        const [program, args] = machine.commandLine(`sh -s ${serials.join(" ")}`);
        const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"] });
        createReadStream(join(__dirname, "prepare.sh")).pipe(child.stdin);
        const [code] = (await once(child, "exit", { signal: AbortSignal.timeout(PREPARE_LIMIT_MS) })) as [
            number,
        ];
        if (code !== 0) {
            throw new Error(`the volumes could not be prepared: ${machine.console.slice(-2000)}`);
        }
        await machine.shutDown();
    } finally {
        await machine.stop();
    }
}

/** Where in the file each volume lies. */
export function volumesIn(file: string, volumeIds: readonly string[]) {
    return volumeIds.map((volumeId, index) => ({
        volumeId,
        file,
        offsetMiB: sum(VOLUME_SIZES_GIB.slice(0, index)) * MIB_OF_GIB,
        sizeMiB: (VOLUME_SIZES_GIB[index] ?? 0) * MIB_OF_GIB,
    }));
}

function sum(numbers: readonly number[]): number {
    return numbers.reduce((all, one) => all + one, 0);
}
