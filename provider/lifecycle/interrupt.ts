import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, SnapshotError } from "../base/errors";
import { engineGoneFailure, interruptedFailure } from "../base/interruption";
import { type EngineAddress, engineAddress, refuses } from "./engine";

/** Pulumi kills a provider 5 s after its SIGINT (sdk/go/common/resource/plugin, `Close`). */
const EXIT_LIMIT_MS = 4_000;
const WATCH_INTERVAL_MS = 500;
/** So many refusals in a row mean that the engine is gone. */
const WATCH_REFUSALS = 2;

/** Lets work that must be undone be undone before the process ends. One for the process, as it ends it. */
export class Interruption {
    readonly #ending = new AbortController();
    readonly #running = new Set<Promise<unknown>>();
    #installed = false;
    #watches = false;

    /** From now on the process ends when the engine that started it is gone: Pulumi's own server would stay for ever. */
    watchEngine(): void {
        const engine = engineAddress(process.argv);
        if (engine !== undefined && !this.#watches) {
            this.#watches = true;
            void this.#watch(engine);
        }
    }

    /**
     * Runs such work. Its signal is aborted by SIGINT (second Ctrl-C), by SIGTERM and when the engine that started this
     * process is gone; the process ends when all such work has ended.
     */
    async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
        this.#install();
        this.watchEngine();
        const done = work(this.#ending.signal);
        this.#running.add(done);
        try {
            return await done;
        } finally {
            this.#running.delete(done);
        }
    }

    #install(): void {
        if (this.#installed) {
            return;
        }
        this.#installed = true;
        // When the engine is gone so is the reader of our output; an unhandled EPIPE would end the undoing.
        process.stdout.on("error", () => undefined);
        process.stderr.on("error", () => undefined);
        for (const name of ["SIGINT", "SIGTERM"] as const) {
            process.on(name, () => {
                if (this.#ending.signal.aborted) {
                    return;
                }
                setTimeout(() => process.exit(130), EXIT_LIMIT_MS);
                void this.#endWith(130, interruptedFailure);
            });
        }
    }

    async #endWith(exitCode: number, reason: Failure): Promise<void> {
        this.#ending.abort(new SnapshotError(reason));
        await Promise.allSettled(this.#running);
        // The answer to the engine, if it still listens, is on its way by then.
        await sleep(100);
        process.exit(exitCode);
    }

    async #watch(engine: EngineAddress): Promise<void> {
        let refusals = 0;
        while (refusals < WATCH_REFUSALS) {
            await sleep(WATCH_INTERVAL_MS, undefined, { ref: false });
            refusals = (await refuses(engine)) ? refusals + 1 : 0;
        }
        await this.#endWith(1, engineGoneFailure);
    }
}
