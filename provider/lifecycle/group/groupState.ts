import { type ConsistencyLevel, type GroupEvidence, levels } from "../../base/evidence";
import type { GroupInputs, SnapshotInputs } from "../../inputs/inputs";
import type { SnapshotState } from "../../run/state";

/** A member's set, with copies of the inputs that it was made from. */
export type MemberState = SnapshotState & Pick<SnapshotInputs, "instanceId" | "volumes">;

/** What the group's outputs hold, besides copies of inputs. */
export interface GroupState {
    /** By the members' names. One whose set was not kept is absent. */
    readonly sets: Readonly<Record<string, MemberState>>;
    readonly consistencyLevel: ConsistencyLevel;
    readonly samePoint: boolean;
    readonly evidence: GroupEvidence;
    readonly thawPending: boolean;
}

export type GroupOutputs = GroupState & Pick<GroupInputs, "triggers" | "tags" | "aws" | "owner">;

/**
 * What the sets prove together. All freezes are of one point when each was held from before the first request until
 * after the last answer: `capture.ts` sends no request before all are frozen, and asks none before all have answered.
 * One whose own level could not be proven, because the host may be another one or others may have written, proves
 * nothing for the group.
 * @param size how many members the group has
 */
export function groupStateOf(sets: Readonly<Record<string, MemberState>>, size: number): GroupState {
    const all = Object.values(sets);
    const samePoint =
        all.length === size &&
        all.every((set) => isWhole(set) && set.evidence.held === true && set.consistencyLevel !== "crash");
    return {
        sets,
        samePoint,
        consistencyLevel: samePoint ? lowest(all) : "crash",
        evidence: evidenceOf(all),
        thawPending: isPending(all),
    };
}

/** Sets that were found by their tags, which tell no times. */
export function foundState(samePoint: boolean, sets: Readonly<Record<string, MemberState>>): GroupState {
    return {
        ...asRead({ samePoint }, sets),
        samePoint,
        evidence: {},
        thawPending: isPending(Object.values(sets)),
    };
}

/** The same sets later. What was proven of them does not change, unless one is not there any more. */
export function stillProven(
    before: Pick<GroupState, "samePoint" | "consistencyLevel" | "evidence">,
    sets: Readonly<Record<string, MemberState>>,
): GroupState {
    const all = Object.values(sets);
    const samePoint = before.samePoint && all.every(isWhole);
    return {
        sets,
        samePoint,
        consistencyLevel: samePoint ? before.consistencyLevel : "crash",
        evidence: before.evidence,
        thawPending: isPending(all),
    };
}

/** The same sets after a refresh: one that has lost a part proves nothing until it is whole again. */
export function asRead(
    { samePoint }: Pick<GroupState, "samePoint">,
    sets: Readonly<Record<string, MemberState>>,
): Pick<GroupState, "sets" | "consistencyLevel"> {
    return { sets, consistencyLevel: samePoint ? lowest(Object.values(sets)) : "crash" };
}

function isPending(sets: readonly MemberState[]): boolean {
    return sets.some(({ thawPending }) => thawPending);
}

function isWhole({ snapshotIds }: MemberState): boolean {
    return snapshotIds.length > 0;
}

function lowest(sets: readonly MemberState[]): ConsistencyLevel {
    return (
        levels[Math.max(...sets.map(({ consistencyLevel }) => levels.indexOf(consistencyLevel)))] ?? "crash"
    );
}

/** What is not known of every member is known of none. */
function evidenceOf(sets: readonly MemberState[]): GroupEvidence {
    const requested = sets.map(({ evidence }) => evidence.requestedAt).sort();
    const returned = sets.map(({ evidence }) => evidence.returnedAt).sort();
    const windows = sets.map(({ evidence }) => evidence.freezeWindowMs);
    return {
        ...known("firstRequestAt", requested, requested[0]),
        ...known("lastAnswerAt", returned, returned.at(-1)),
        ...known("longestFreezeMs", windows, Math.max(...windows.map((window) => window ?? 0))),
    };
}

function known<K extends string, T>(
    key: K,
    each: readonly unknown[],
    value: T,
): { [key in K]?: NonNullable<T> } {
    return each.length === 0 || each.includes(undefined) || value === undefined || value === null
        ? {}
        : ({ [key]: value } as { [key in K]?: NonNullable<T> });
}
