import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, SnapshotError } from "../base/errors";

/** Pulumi kills a provider 5 s after its SIGINT (sdk/go/common/resource/plugin, `Close`). */
const EXIT_LIMIT_MS = 4_000;
const WATCH_INTERVAL_MS = 500;
const WATCH_CONNECT_LIMIT_MS = 2_000;
/** So many refusals in a row mean that the engine is gone. */
const WATCH_REFUSALS = 2;

const ending = new AbortController();
const running = new Set<Promise<unknown>>();
let installed = false;

/**
 * Runs work that must be undone before the process ends. Its signal is aborted by SIGINT (second Ctrl-C), by SIGTERM
 * and when the engine that started this process is gone; the process ends when all such work has ended.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    install();
    const done = work(ending.signal);
    running.add(done);
    try {
        return await done;
    } finally {
        running.delete(done);
    }
}

/** Whether the process has little time left: then only what cannot wait is undone. */
export function isHurried(signal: AbortSignal): boolean {
    return signal.aborted && signal.reason instanceof SnapshotError && signal.reason.code === "INTERRUPTED";
}

/** Whether nobody will hear of a result any more. */
export function isUnheard(signal: AbortSignal): boolean {
    return signal.aborted && signal.reason instanceof SnapshotError && signal.reason.code === "ENGINE_GONE";
}

function install(): void {
    if (installed) {
        return;
    }
    installed = true;
    // When the engine is gone so is the reader of our output; an unhandled EPIPE would end the undoing.
    process.stdout.on("error", () => undefined);
    process.stderr.on("error", () => undefined);
    for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.on(name, () => {
            if (ending.signal.aborted) {
                return;
            }
            setTimeout(() => process.exit(130), EXIT_LIMIT_MS);
            void endWith(130, {
                code: "INTERRUPTED",
                message: "The run was interrupted.",
                remedy: "Run again.",
            });
        });
    }
    const engine = engineAddress(process.argv);
    if (engine !== undefined) {
        void watchEngine(engine);
    }
}

async function endWith(exitCode: number, reason: Failure): Promise<void> {
    ending.abort(new SnapshotError(reason));
    await Promise.allSettled(running);
    // The answer to the engine, if it still listens, is on its way by then.
    await sleep(100);
    process.exit(exitCode);
}

interface EngineAddress {
    readonly host: string;
    readonly port: number;
}

/** The engine's address is the last argument of a provider's process; its parent process never changes when it dies. */
export function engineAddress(argv: readonly string[]): EngineAddress | undefined {
    const match = /^(?<host>127\.0\.0\.1|localhost|\[::1\]):(?<port>\d+)$/.exec(argv.at(-1) ?? "");
    const { host, port } = match?.groups ?? {};
    return host === undefined || port === undefined
        ? undefined
        : { host: host.replace(/[[\]]/g, ""), port: Number(port) };
}

async function watchEngine(engine: EngineAddress): Promise<void> {
    let refusals = 0;
    while (refusals < WATCH_REFUSALS) {
        await sleep(WATCH_INTERVAL_MS, undefined, { ref: false });
        refusals = (await refuses(engine)) ? refusals + 1 : 0;
    }
    await endWith(1, engineGoneFailure);
}

const engineGoneFailure: Failure = {
    code: "ENGINE_GONE",
    message: "The Pulumi engine that started this run is gone.",
    remedy: "Run `pulumi up` again.",
};

export function engineGone(): SnapshotError {
    return new SnapshotError(engineGoneFailure);
}

/** Looks once whether the engine still listens; false where none started this process. */
export async function isEngineGone(): Promise<boolean> {
    const engine = engineAddress(process.argv);
    return engine !== undefined && (await refuses(engine));
}

/** Only a refusal says that nobody listens: a stopped or busy engine lets connections wait. */
async function refuses(address: EngineAddress): Promise<boolean> {
    return await new Promise((resolve) => {
        const socket = connect(address);
        const answer = (refused: boolean) => {
            socket.destroy();
            resolve(refused);
        };
        socket.setTimeout(WATCH_CONNECT_LIMIT_MS, () => answer(false));
        socket.once("connect", () => answer(false));
        socket.once("error", (error: NodeJS.ErrnoException) => answer(error.code === "ECONNREFUSED"));
        socket.unref();
    });
}
