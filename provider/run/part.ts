import type { Source } from "../aws/instance";
import type { ProvenLevel } from "../base/consistency";
import { Undo } from "../base/undo";
import type { Capture } from "../quiesce/quiescer";
import type { Run } from "./run";

/** One instance's part of taking sets at one point: what is known of it so far, and what has to be taken back. */
export interface Part {
    readonly run: Run;
    readonly undo: Undo;
    source?: Source;
    /** The set, as soon as there is one. */
    capture?: Capture;
}
export type Sourced = Part & { readonly source: Source };
export type Captured = Sourced & { readonly capture: Capture };
export type Verified = Captured & { readonly level: ProvenLevel };

export function partOf(run: Run): Part {
    return { run, undo: new Undo() };
}

/** Covers the longest clean-up, which is the removal of the VSS components (`timing.removalMs`). */
export const CLEAN_UP_LIMIT_MS = 330_000;

/** What does not succeed is a warning, and `undo.problems` has it for the evidence. */
export async function cleanUp({ run, undo }: Part): Promise<void> {
    for (const problem of await undo.unwind(CLEAN_UP_LIMIT_MS)) {
        run.log(`warning: clean-up failed: ${problem}`);
    }
}
