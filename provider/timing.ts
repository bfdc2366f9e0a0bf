/** Pauses and limits that are no inputs, in milliseconds. In one place, so that tests can shorten them. */
export const timing = {
    /** `SnapshotCreationPerVolumeRateExceeded` wants 15 s (EC2 API reference, "Error codes"). */
    throttlePauseMs: 15_000,
    /** How long the answer of CreateSnapshots is waited for after the guard has let go by itself. */
    lateAnswerMs: 30_000,
    /** Connecting anew, within the run, to an instance whose thawing is not proven. */
    reconnectMs: 60_000,
    /** A new set may take this long to be seen (EC2 API reference, "Eventual consistency"). */
    visibleMs: 120_000,
};
