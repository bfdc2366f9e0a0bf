import type { SshHost } from "../../lab/hosts/sshHost";
import type { RestoredVolume, VolumeLayout, Volumes } from "../../lab/volumes/volumes";

/** What is written to while snapshots are taken: a database, or plain files. Its data is spread over two volumes. */
export interface Application {
    readonly name: string;
    readonly volumes: readonly VolumeLayout[];
    /** Shell command that names its version, for the report. */
    readonly version: string;
    /** What its recipe vouches for. */
    readonly level: "application" | "filesystem";
    /** TypeScript that makes the recipe's pair, in a program that imports `recipes`. */
    readonly recipe: string;
    /** Starts it, with nothing in it. */
    start(host: SshHost): Promise<void>;
    /** Shell command in the host: reads a statement from each line, and answers with a line for each. */
    readonly client: string;
    /** Commits number `n` of a writer; the answer is `n`, when it is committed. */
    statement(writer: number, n: number): string;
    /** Starts it on other volumes, and reads what is there. */
    read(volumes: Volumes, restored: readonly RestoredVolume[]): Promise<RestoredData>;
}

export interface RestoredData {
    /** Committed numbers, by writer, ascending. */
    readonly numbers: readonly (readonly number[])[];
    /** What its own log says of recovering; empty when it opened as after an orderly end. */
    readonly recovery: readonly string[];
    /** What it or its own tools found broken. */
    readonly problems: readonly string[];
}

export const WRITERS = 2;

/** On ext4 and XFS: data here, its log or its second half there. */
export const DATA_AND_LOG: readonly VolumeLayout[] = [
    { mountPoint: "/mnt/data", fileSystem: "ext4" },
    { mountPoint: "/mnt/log", fileSystem: "xfs" },
];

const MARK = "----";

/** For a shell: parts of an output, to be taken apart by `partsOf`. */
export const nextPart = `echo ${MARK}`;

export function partsOf(output: string): string[][] {
    return output.split(`${MARK}\n`).map((part) => part.split("\n").filter((line) => line !== ""));
}

/** Lines `writer n`, by writer. What is no such line does not count: half a line, or a message. */
export function numbersOf(lines: readonly string[]): number[][] {
    const numbers: number[][] = Array.from({ length: WRITERS }, () => []);
    for (const line of lines) {
        const [, writer, n] = /^(\d+)\s(\d+)$/.exec(line) ?? [];
        numbers[Number(writer)]?.push(Number(n));
    }
    return numbers;
}
