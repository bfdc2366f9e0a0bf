import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "../../base/errors";
import { type SshChannel, type SshConnection, SshError } from "../../transport/ssh/connection";
import { timing } from "../../base/timing";
import { type GuardLine, isAwake, parseGuardLine } from "./guardLine";
import { type GuardParams, composeGuard } from "./guardProgram";
import { noGuardFailure } from "./noGuard";

/** A line of the guard, with when it arrived: monotonic milliseconds, and ISO 8601. */
export interface GuardEvent {
    readonly text: string;
    readonly line: GuardLine;
    readonly at: number;
    readonly time: string;
}

/** What came instead of the guard's first line. */
export class NoGuard extends Error {
    constructor(readonly failure: Failure) {
        super(failure.message);
    }
}

/** A guard that runs on the host. */
export class GuardSession {
    readonly #channel: SshChannel;
    readonly #events: GuardEvent[] = [];
    #ended = false;
    #awake = false;
    #left: string | undefined;
    #clean = false;
    #wake: (() => void) | undefined;
    #beat: NodeJS.Timeout | undefined;
    readonly #over = Promise.withResolvers<undefined>();

    private constructor(channel: SshChannel) {
        this.#channel = channel;
    }

    /**
     * Starts the guard and makes sure that it is the guard that answers.
     * @throws NoGuard with what answered instead; SshError when the connection is gone.
     */
    static async start(
        connection: SshConnection,
        params: Omit<GuardParams, "nonce">,
        signal: AbortSignal,
    ): Promise<GuardSession> {
        const nonce = randomUUID();
        const { command, stdin } = composeGuard({ ...params, nonce });
        const channel = await connection.exec(command, { signal });
        channel.write(stdin.toString("utf8"));
        const first = await firstLine(channel, signal).catch((error: unknown) => {
            // Whatever has started there, its input ends.
            channel.close();
            throw error;
        });
        if (first !== nonce) {
            const failure = await explain(channel, first, params.sudo);
            channel.close();
            throw new NoGuard(failure);
        }
        const session = new GuardSession(channel);
        void session.#pump();
        return session;
    }

    /** Everything that it says until it ends. */
    async all(limitMs: number, signal: AbortSignal): Promise<GuardEvent[]> {
        const deadline = performance.now() + limitMs;
        const events: GuardEvent[] = [];
        for (;;) {
            const event = await this.next(deadline - performance.now(), signal);
            if (event === undefined) {
                return events;
            }
            events.push(event);
        }
    }

    /** Its next line; undefined when it has ended, or says nothing within the limit. */
    async next(limitMs: number, signal?: AbortSignal): Promise<GuardEvent | undefined> {
        const deadline = performance.now() + limitMs;
        for (;;) {
            signal?.throwIfAborted();
            const event = this.#events.shift();
            const left = deadline - performance.now();
            if (event !== undefined || this.#ended || left <= 0) {
                return event;
            }
            await this.#arrival(left, signal);
        }
    }

    /** Whether nothing will come any more. */
    get ended(): boolean {
        return this.#ended && this.#events.length === 0;
    }

    /** Resolves when it has let go of what it held, or nothing will come of it any more. */
    get over(): Promise<void> {
        return this.#over.promise;
    }

    /** What it could not remove from the host. One that could not thaw leaves on purpose what thawing needs. */
    get left(): string | undefined {
        return this.#left;
    }

    /** Whether it said that nothing of it is left on the host: it had put nothing there yet, or has removed it. */
    get clean(): boolean {
        return this.#clean;
    }

    #remember(line: GuardLine): void {
        if (line.kind === "ready") {
            this.#beat = setInterval(() => this.#channel.write("beat\n"), timing.beatMs).unref();
        } else if (line.kind === "releasing") {
            this.#over.resolve(undefined);
        } else if (line.kind === "thawed") {
            this.#awake = isAwake(line.end);
        } else if (line.kind === "refused") {
            this.#clean = true;
        } else if (line.kind === "cleaned") {
            this.#clean = line.ok;
            this.#left = this.#awake && !line.ok ? line.left : undefined;
        }
    }

    /** Says a word to it, if it is still there. Until it is to release, it is told each second that we live. */
    say(word: "freeze" | "release"): void {
        this.#channel.write(`${word}\n`);
        if (word === "release") {
            clearInterval(this.#beat);
        }
    }

    /** Ends its input: whatever it holds, it lets go. */
    letGo(): void {
        clearInterval(this.#beat);
        this.#channel.end();
    }

    async #pump(): Promise<void> {
        try {
            for (;;) {
                const text = await this.#channel.nextLine(LONGEST_SILENCE_MS);
                if (text === undefined) {
                    break;
                }
                const line = parseGuardLine(text);
                this.#remember(line);
                this.#events.push({
                    text,
                    line,
                    at: performance.now(),
                    time: new Date().toISOString(),
                });
                this.#wake?.();
            }
        } catch {
            // More output than any guard makes: what answers is not the guard any more.
        }
        this.#ended = true;
        clearInterval(this.#beat);
        this.#over.resolve(undefined);
        this.#wake?.();
    }

    async #arrival(limitMs: number, signal: AbortSignal | undefined): Promise<void> {
        const timer = new AbortController();
        const arrived = new Promise<void>((resolve) => (this.#wake = resolve));
        const late = sleep(limitMs, undefined, {
            signal: signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]),
        }).catch(() => undefined);
        await Promise.race([arrived, late]);
        timer.abort();
    }
}

/** The longest that a guard may be silent for: its longest limits are an hour each. */
const LONGEST_SILENCE_MS = 4 * 3_600_000;

async function firstLine(channel: SshChannel, signal: AbortSignal): Promise<string | undefined> {
    try {
        return await channel.nextLine(timing.guardStartMs, signal);
    } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SshError) {
            throw error;
        }
        return undefined;
    }
}

async function explain(channel: SshChannel, firstLine: string | undefined, sudo: boolean): Promise<Failure> {
    // What the login shell and sudo have to say comes on stderr.
    await Promise.race([channel.exit, sleep(2_000, undefined, { ref: false })]);
    return noGuardFailure({ firstLine, stderr: channel.stderrHead(), sudo });
}
