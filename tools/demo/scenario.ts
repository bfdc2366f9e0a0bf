import type { AtEnd } from "../stopAll";

/** What `npm run demo` can show. */
export interface Scenario {
    /** @returns the exit code, where another process has shown all of it. */
    readonly prepare: () => Promise<number | undefined>;
    readonly show: (ends: Ends) => Promise<void>;
}

/** How a scenario ends. */
export interface Ends {
    /** Aborted when the user interrupts it. */
    readonly interruption: AbortController;
    readonly atEnd: AtEnd;
}
