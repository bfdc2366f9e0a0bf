import type { AtEnd } from "../stopAll";

/** What `npm run demo` can show. */
export interface Scenario {
    /** @returns the exit code, where another process has shown all of it. */
    readonly prepare: () => Promise<number | undefined>;
    readonly show: (ends: Ends, options: DemoOptions) => Promise<void>;
}

/** How a scenario ends. */
export interface Ends {
    /** Aborted when the user interrupts it. */
    readonly interruption: AbortController;
    readonly atEnd: AtEnd;
}

export interface DemoOptions {
    /** Where to write the timeline as a picture. Default: nowhere. */
    readonly svg: string | undefined;
}
