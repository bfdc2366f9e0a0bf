/** What the runner tells a lane: the next file, and nothing before the result of the last one has come. */
export interface Order {
    readonly file: string;
}

/** What a lane tells the runner of a file. */
export interface FileResult {
    readonly file: string;
    readonly passed: number;
    readonly skipped: number;
    /** Each in full, as mocha tells it. */
    readonly failures: readonly string[];
    readonly seconds: number;
    /** Processor time: of the lane's own process, and of those that it started and that have ended. */
    readonly cpuSeconds: number;
}
