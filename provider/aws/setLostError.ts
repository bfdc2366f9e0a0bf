import { SnapshotError } from "../base/errors";

/** A part of a set is gone, though nobody of us deleted it. The rest of the set is there. */
export class SetLostError extends SnapshotError {
    /** @param lost what is gone, and how: as `readSet` tells it */
    constructor(readonly lost: readonly string[]) {
        super({
            code: "SNAPSHOT_LOST",
            message: `Somebody deleted a part of the set: ${lost.join("; ")}.`,
            remedy: "Run again, which takes a new set. Or, if the Recycle Bin has the missing snapshots, restore them and run `pulumi refresh`.",
        });
    }
}
