import { setTimeout as delay } from "node:timers/promises";
import { abortable } from "../base/abortable";
import type { Log } from "../base/log";
import type { Secret } from "../base/maskSecrets";
import { type AwsAccess, NoSession, type StartedSession } from "./awsAccess";
import { childEnvironment } from "./childEnvironment";
import { PLUGIN, lastWordsOf, pluginProblem } from "./sessionPlugin";
import { secretsOfAws, startProblem, startProgram, tellOf } from "./program";
import type { ProgramStream } from "./programStream";
import type { Route, Way } from "./route";
import { AttemptOver } from "./ssh/attemptOver";
import type { HopSettings } from "./ssh/handshake";
import { quoteEnd } from "./ssh/handshakeFailure";
import { SshError } from "./ssh/sshError";

/** The plugin takes the session from the variable that its first argument names: an argument can be seen by everybody. */
const RESPONSE = "AWS_SSM_START_SESSION_RESPONSE";

/**
 * By a session of AWS Systems Manager to the instance's SSH port, one for each stream. AWS's plugin carries the bytes, as it
 * does for the AWS command line. It never ends a session itself, so that is done here, whatever happens.
 */
export class SessionManagerRoute implements Route {
    /** What is to be ended: sessions, and the programs that carry their bytes. */
    readonly #open = new Map<string, ProgramStream | undefined>();
    readonly #ending = new Set<Promise<void>>();
    #isPluginGood = false;

    constructor(
        private readonly to: HopSettings,
        private readonly aws: AwsAccess,
        private readonly log: Log,
    ) {}

    async open(signal: AbortSignal): Promise<Way> {
        await this.#lookAtPlugin(signal);
        const ofAws = await this.aws.environment(signal);
        const session = await this.#start(signal);
        try {
            signal.throwIfAborted();
            const stream = await startProgram({
                file: PLUGIN,
                args: argumentsFor(session),
                env: { ...childEnvironment(process.env, ofAws), [RESPONSE]: session.response },
            });
            this.#open.set(session.id, stream);
            void stream.gone.then(() => this.#end(session.id));
            if (signal.aborted) {
                stream.destroy();
                throw signal.reason as Error;
            }
            const secrets = [...this.to.secrets, ...secretsOfAws(ofAws), session.token];
            return { stream, said: () => wordsOf(stream, secrets) };
        } catch (error) {
            await this.#end(session.id);
            signal.throwIfAborted();
            throw this.#failed({
                what: `${PLUGIN} could not be started: ${startProblem(error as NodeJS.ErrnoException)}`,
                remedy: "run again when this machine has processes and memory to spare",
                transient: true,
                cause: error,
            });
        }
    }

    async #lookAtPlugin(signal: AbortSignal): Promise<void> {
        if (!this.#isPluginGood) {
            const problem = await pluginProblem(childEnvironment(process.env, {}), signal);
            if (problem !== undefined) {
                throw this.#failed({ ...problem, transient: false });
            }
            this.#isPluginGood = true;
        }
    }

    /** What was asked for is waited for, also when the run is interrupted: else a session might be left that nobody knows. */
    async #start(signal: AbortSignal): Promise<StartedSession> {
        const { host, port } = this.to;
        const answered = new Limit(START_LIMIT_MS);
        const starting = this.aws
            .startSession(host, port, answered.signal, this.log)
            .finally(() => answered.clear());
        try {
            const session = await abortable(starting, signal);
            this.#open.set(session.id, undefined);
            return session;
        } catch (error) {
            if (signal.aborted) {
                answered.shorten(ANSWER_MS);
                void this.#ended(starting.then((session) => this.aws.endSession(session.id, this.log)));
                throw error;
            }
            throw error instanceof NoSession ? this.#failed({ ...error.reason, cause: error.cause }) : error;
        }
    }

    #failed(failure: {
        readonly what: string;
        readonly remedy: string;
        readonly transient: boolean;
        readonly cause?: unknown;
    }): SshError {
        const { where, address } = this.to;
        return new SshError({ code: "TUNNEL_FAILED", where, address, ...failure });
    }

    /** The service ends it, so that sshd's connection ends as well: the agent keeps that for a client that is gone. */
    async #end(id: string): Promise<void> {
        if (this.#open.delete(id)) {
            await this.#ended(this.aws.endSession(id, this.log));
        }
    }

    async #ended(ending: Promise<unknown>): Promise<void> {
        const settled = ending.then(
            () => undefined,
            () => undefined,
        );
        this.#ending.add(settled);
        await settled;
        this.#ending.delete(settled);
    }

    async close(): Promise<void> {
        const streams = [...this.#open.values()];
        const ids = [...this.#open.keys()];
        const all = Promise.all([
            ...ids.map((id) => this.#end(id)),
            ...streams.map((stream) => {
                stream?.destroy();
                return stream?.gone;
            }),
            ...this.#ending,
        ]);
        await Promise.race([all, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    }
}

/** Of StartSession's answer. */
const START_LIMIT_MS = 15_000;
/** The same, when the try is over that asked. */
const ANSWER_MS = 500;
/** Of all that ends. */
const CLOSE_LIMIT_MS = 2_000;

/** What the plugin said of the session's end comes before how it ended itself: its exit code tells little. */
function wordsOf(stream: ProgramStream, secrets: readonly Secret[]): string {
    const words = lastWordsOf(stream.lastOutput.toString("latin1"));
    return words === undefined
        ? tellOf(PLUGIN, stream, secrets)
        : `${PLUGIN} said: ${quoteEnd(words, secrets)}`;
}

/** A time that can be cut short. */
class Limit {
    readonly #over = new AbortController();
    #timer: NodeJS.Timeout;

    constructor(limitMs: number) {
        this.#timer = this.#start(limitMs);
    }

    get signal(): AbortSignal {
        return this.#over.signal;
    }

    #start(limitMs: number): NodeJS.Timeout {
        return setTimeout(() => this.#over.abort(new AttemptOver(limitMs)), limitMs);
    }

    shorten(limitMs: number): void {
        this.clear();
        this.#timer = this.#start(limitMs);
    }

    clear(): void {
        clearTimeout(this.#timer);
    }
}

/** As the AWS command line calls it: aws-cli, awscli/customizations/sessionmanager.py. The fourth one is a profile. */
function argumentsFor({ region, request, endpoint }: StartedSession): string[] {
    return [RESPONSE, region, "StartSession", "", request, endpoint];
}
