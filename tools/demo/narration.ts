import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { CloudSnapshot } from "../../lab/cloud/localCloud";

export const say = (line = "") => console.log(line);

/** What a command writes, as it comes. */
export async function sayLinesOf(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream })) {
        say(`   | ${line}`.trimEnd());
    }
}

export function saySnapshots(snapshotIds: string[], snapshots: CloudSnapshot[]): void {
    for (const [index, id] of snapshotIds.entries()) {
        const { volumeId = "?", state = "?" } = snapshots.find(({ snapshotId }) => snapshotId === id) ?? {};
        say(`   ${index === 0 ? "snapshots" : "         "}      ${id}  of ${volumeId}  ${state}`);
    }
}

export function sayVolumes(devices: Record<string, string>): void {
    for (const [device, volumeId] of Object.entries(devices)) {
        say(`                  ${volumeId}  ${device}`);
    }
}
