import type { Duplex } from "node:stream";

/** A way to a host's SSH port. Each belongs to one connection, however many tries that takes. */
export interface Route {
    /**
     * Opens a byte stream to the port. Rejects with SshError, or with the signal's reason, and then keeps nothing but
     * what the next try can use.
     */
    open(signal: AbortSignal): Promise<Way>;
    /** Ends what carries its streams. It may be opened again. Takes about a second at most, and never rejects. */
    close(): Promise<void>;
}

/** One stream to a host's SSH port. Who has it destroys it. */
export interface Way {
    readonly stream: Duplex;
    /** Resolves, and never rejects, with the reason when what carries the stream is gone. TCP has nothing of that kind. */
    readonly gone?: Promise<string>;
    /** What is known so far of how that ended, and what it said beside the stream; "" for nothing. For errors. */
    readonly said?: () => string;
}
