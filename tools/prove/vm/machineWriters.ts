import type { Machine } from "../../../lab/machine/machine";
import { files } from "../files";
import { postgresql } from "../postgresql";
import { Writers, type WriterLog } from "../writer";

/** An emulated machine is kept busy by few. */
const PAUSE_MS = 500;
const PROGRESS_LIMIT_MS = 300_000;

/** What each was told, and when. */
export interface Logs {
    readonly database: readonly WriterLog[];
    readonly files: readonly WriterLog[];
}

/** The load: transactions of a database, and lines in files of both file systems, each noted outside when acknowledged. */
export class MachineWriters {
    readonly #database: Writers;
    readonly #files: Writers;

    constructor(machine: Machine) {
        this.#database = Writers.start(machine, postgresql, PAUSE_MS);
        this.#files = Writers.start(machine, files, PAUSE_MS);
    }

    get logs(): Logs {
        return { database: this.#database.logs, files: this.#files.logs };
    }

    /** Waits until each has had this many more acknowledged. @throws when one does not in time */
    async progress(count: number): Promise<void> {
        await Promise.all([this.#database, this.#files].map((one) => one.progress(count, PROGRESS_LIMIT_MS)));
    }

    pause(): void {
        this.#database.pause();
        this.#files.pause();
    }

    resume(): void {
        this.#database.resume();
        this.#files.resume();
    }

    async stop(): Promise<void> {
        await Promise.allSettled([this.#database.stop(), this.#files.stop()]);
    }
}
