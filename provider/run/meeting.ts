import { abortable } from "../base/abortable";
import { groupFailure } from "./groupFailure";

/** Where the sets of a group wait for each other, because Pulumi is told of all of them at once. */
export class Meeting {
    #missing: number;
    readonly #all = Promise.withResolvers<undefined>();
    readonly #failed = new AbortController();
    #isLost = false;

    constructor(size: number) {
        this.#missing = size;
    }

    /** Aborted when one cannot come: nobody need go on with what takes long. */
    get failed(): AbortSignal {
        return this.#failed.signal;
    }

    /** Whether one is lost: a group is kept as a whole or not at all. */
    get isLost(): boolean {
        return this.#isLost;
    }

    /** To be called once. Resolves when all have come. @throws SnapshotError `GROUP_FAILED` when one cannot */
    async come(signal: AbortSignal): Promise<void> {
        this.#missing -= 1;
        if (this.#missing === 0) {
            this.#all.resolve(undefined);
        }
        await abortable(this.#all.promise, AbortSignal.any([signal, this.failed]));
    }

    /** @param isLost the set of the one that cannot come is not kept */
    cannotCome({ isLost }: { readonly isLost: boolean }): void {
        this.#isLost ||= isLost;
        this.#failed.abort(groupFailure());
    }
}
