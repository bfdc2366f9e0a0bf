/** What is needed of a client of the SDK. */
interface Client {
    readonly config: {
        /** What it signs by: the difference to this machine's clock, in milliseconds, set anew by each answer. */
        systemClockOffset: number;
    };
    readonly middlewareStack: {
        /** Of a type of its own for each service. */
        addRelativeTo(
            middleware: never,
            options: { name: string; relation: "before"; toMiddleware: string },
        ): void;
    };
}

interface Told {
    readonly serverMs: number;
    /** On the clock of `performance.now()`. */
    readonly at: number;
}

/**
 * AWS's clock, as its last answer told it. The SDK corrects a clock that is off for each client alone, and learns it by
 * being refused: a client that sends once would never get through. It counts on by the monotonic clock, so that a step
 * of this machine's clock, between the last answer and the one request that is sent while frozen, does not matter.
 */
export class AwsClock {
    readonly #wall: () => number;
    readonly #monotonic: () => number;
    #told: Told | undefined;

    constructor(wall = () => Date.now(), monotonic = () => performance.now()) {
        this.#wall = wall;
        this.#monotonic = monotonic;
    }

    /** Milliseconds since 1970; by this machine's clock as long as AWS has not answered anything. */
    now(): number {
        const told = this.#told;
        return told === undefined ? this.#wall() : told.serverMs + this.#monotonic() - told.at;
    }

    /** How far this machine's clock is behind AWS's, in milliseconds; negative: ahead of it. */
    get offsetMs(): number {
        return Math.round(this.now() - this.#wall());
    }

    /** What an answer said. */
    set offsetMs(offset: number) {
        this.#told = { serverMs: this.#wall() + offset, at: this.#monotonic() };
    }

    /** Has a client sign by this clock, and tell it what its answers say. */
    share<T extends Client>(client: T): T {
        Object.defineProperty(client.config, "systemClockOffset", {
            get: () => this.offsetMs,
            set: (offset: number) => {
                this.offsetMs = offset;
            },
            enumerable: true,
            configurable: true,
        });
        client.middlewareStack.addRelativeTo(this.#judge as never, {
            name: "clockSkewJudgement",
            relation: "before",
            toMiddleware: "httpSigningMiddleware",
        });
        return client;
    }

    /**
     * While this machine's clock is off by 4 min, the SDK takes each error for one that the clock has caused, and
     * repeats the request, also where it was signed by AWS's time (`AwsSdkSigV4Signer.errorHandler`).
     */
    readonly #judge =
        <A, R>(next: (args: A) => Promise<R>) =>
        async (args: A): Promise<R> => {
            const before = this.offsetMs;
            try {
                return await next(args);
            } catch (error) {
                const { $metadata } = error as { $metadata?: { clockSkewCorrected?: true } };
                if ($metadata !== undefined && Math.abs(this.offsetMs - before) < KNOWN_WITHIN_MS) {
                    delete $metadata.clockSkewCorrected;
                }
                throw error;
            }
        };
}

/** AWS takes requests that are 5 min off (IAM User Guide, "Troubleshoot signed requests"). */
export const TOLERATED_MS = 5 * 60_000;
/** The SDK's own limit, below AWS's. */
const KNOWN_WITHIN_MS = 4 * 60_000;
