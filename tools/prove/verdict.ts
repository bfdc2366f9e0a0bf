import type { RestoredData } from "./application";
import type { FileSystemState } from "./fileSystemState";
import type { WriterLog } from "./writer";

/** Between these, milliseconds of the wall clock, the set was taken. */
export interface Moments {
    /** Pre-freeze had exited 0; where nothing is frozen, CreateSnapshots was sent. */
    readonly heldFrom: number;
    /** CreateSnapshots was sent. */
    readonly requestedAt: number;
}

/** What one set of snapshots, restored, was found to be. */
export interface Verdict {
    /** Acknowledged before CreateSnapshots was sent, and not there. */
    readonly lost: number;
    /** There, but not even begun before the freeze was complete. */
    readonly after: number;
    /** Numbers below the highest that are not there. */
    readonly gaps: number;
    readonly transactions: number;
    /** File systems that need their journals replayed. */
    readonly replays: number;
    readonly recovered: boolean;
    readonly problems: readonly string[];
}

export function judge(
    moments: Moments,
    logs: readonly WriterLog[],
    data: RestoredData,
    fileSystems: readonly FileSystemState[],
    foreign: readonly string[],
): Verdict {
    const perWriter = logs.map((log, writer) => judgeWriter(moments, log, data.numbers[writer] ?? []));
    const sum = (pick: (one: (typeof perWriter)[number]) => number) =>
        perWriter.reduce((total, one) => total + pick(one), 0);
    return {
        lost: sum((one) => one.lost),
        after: sum((one) => one.after),
        gaps: sum((one) => one.gaps),
        transactions: sum((one) => one.there),
        replays: fileSystems.filter((one) => one.needsReplay).length,
        recovered: data.recovery.length > 0,
        problems: [
            ...data.problems,
            ...fileSystems.flatMap((one) => one.problems),
            ...foreign.map((name) => `of ours: ${name}`),
        ],
    };
}

function judgeWriter(
    { heldFrom, requestedAt }: Moments,
    { sentAt, acknowledgedAt }: WriterLog,
    numbers: readonly number[],
) {
    const there = new Set(numbers);
    const acknowledged = acknowledgedAt.filter((time) => time < requestedAt).length;
    const highest = numbers.at(-1) ?? 0;
    return {
        there: there.size,
        lost: range(acknowledged).filter((n) => !there.has(n)).length,
        after: numbers.filter((n) => (sentAt[n - 1] ?? Infinity) > heldFrom).length,
        gaps: range(highest).filter((n) => !there.has(n)).length,
    };
}

/** 1 to `last`. */
function range(last: number): number[] {
    return Array.from({ length: last }, (_, index) => index + 1);
}
