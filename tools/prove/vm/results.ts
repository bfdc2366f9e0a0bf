import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import type { BootResult } from "./bootTrial";
import type { FaultResult } from "./faultTrial";
import type { RestoreResult } from "./restoreTrial";

/** What each kind of run has found. */
export interface Found {
    readonly boot: BootResult;
    readonly fault: FaultResult;
    readonly restoreTest: RestoreResult;
}

export type Kind = keyof Found;

/** Each result is kept as it comes, as a line of JSON, so that a call that is cut off keeps what it has shown. */
export class Results {
    readonly #found: { [K in Kind]: Found[K][] } = { boot: [], fault: [], restoreTest: [] };

    /** @param earlier whether what the file has from an earlier call counts as well */
    constructor(
        private readonly file: string,
        earlier: boolean,
    ) {
        if (!earlier) {
            rmSync(file, { force: true });
        } else if (existsSync(file)) {
            for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
                const [kind, result] = JSON.parse(line) as [Kind, never];
                this.#found[kind].push(result);
            }
        }
    }

    add<K extends Kind>(kind: K, result: Found[K]): void {
        this.#found[kind].push(result);
        appendFileSync(this.file, `${JSON.stringify([kind, result])}\n`);
    }

    of<K extends Kind>(kind: K): readonly Found[K][] {
        return this.#found[kind];
    }
}
