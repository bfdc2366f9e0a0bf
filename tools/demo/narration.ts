import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import type { Readable } from "node:stream";
import type { CloudSnapshot } from "../../lab/cloud/localCloud";

export const say = (line = "") => console.log(line);

/** Of a terminal. */
const COLUMNS = 100;
/** Longer than that, and a reader wonders whether it goes on. */
const SILENCE_MS = 4_000;

/** What a command writes, as it comes, and a sign of life while it writes nothing. */
export async function sayLinesOf(streams: readonly Readable[]): Promise<void> {
    let lastSaid = performance.now();
    const sayOne = (line: string) => {
        lastSaid = performance.now();
        say(`${INDENT}${line}`.trimEnd());
    };
    const waiting = setInterval(() => {
        if (performance.now() - lastSaid >= SILENCE_MS) {
            sayOne("...");
        }
    }, 500);
    try {
        await Promise.all(
            streams.map(async (input) => {
                for await (const line of createInterface({ input })) {
                    wrapped(line, COLUMNS - INDENT.length).forEach(sayOne);
                }
            }),
        );
    } finally {
        clearInterval(waiting);
    }
}

const INDENT = "   | ";

/** Lines that fit, broken between words; colours take no room. */
export function wrapped(line: string, columns: number): string[] {
    if (stripVTControlCharacters(line).length <= columns) {
        return [line];
    }
    const [begin = ""] = /^\s*/.exec(line) ?? [];
    const lines: string[] = [];
    let last = "";
    for (const word of line.trim().split(" ")) {
        const longer = last === "" ? `${begin}${word}` : `${last} ${word}`;
        if (last !== "" && stripVTControlCharacters(longer).length > columns) {
            lines.push(last);
            last = `${begin}    ${word}`;
        } else {
            last = longer;
        }
    }
    return [...lines, last];
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
