/** Pauses and limits that are no inputs, in milliseconds. In one place, so that tests can shorten them. */
export const timing = {
    /** `SnapshotCreationPerVolumeRateExceeded` wants 15 s (EC2 API reference, "Error codes"). */
    throttlePauseMs: 15_000,
    /** How long the answer of CreateSnapshots is waited for after the guard has let go by itself. */
    lateAnswerMs: 30_000,
    /**
     * The longest that one run keeps the others waiting for their turn. Ten in that time are as many as the limit of
     * CreateSnapshots lets pass, with a dry run each (`apiSlot.ts`): so it makes no fleet slower.
     */
    turnMs: 4_000,
    /** Between two calls that keep the connections to EC2 open during a long pre-freeze: over each by turns. */
    keepWarmMs: 2_500,
    /** The longest that one of these may take: meanwhile the other connections idle. */
    touchLimitMs: 5_000,
    /**
     * Between two signs of life while something is frozen. A guard that hears none for 5 s thaws: so this process may be
     * busy, or the network stand still, for almost 4 s.
     */
    beatMs: 1_000,
    /** Until the guard's first line: a login shell, sudo and a look at the host. */
    guardStartMs: 30_000,
    /** For all that the guard says when it checks a host, or cleans up on it. */
    checkMs: 60_000,
    /** The guard's own pauses on top of a script's limit: killing, and telling. */
    guardMarginMs: 10_000,
    /** Before the last of three tries of post-thaw: what hinders it may pass. */
    lastTryPauseMs: 2_000,
    /** Between two looks at EC2's state of an instance that is connected to anew, as its thawing is not proven. */
    downPauseMs: 5_000,
    /**
     * An instance that runs for less may still get its users: by scripts in its user data, which cloud-init runs when sshd
     * is up already (cloud-init, "Boot stages": final).
     */
    youngMs: 600_000,
    /**
     * Before each new try when such an instance has refused a login. Four refusals in ten minutes at the most: fail2ban bans
     * for five (its jail.conf: `maxretry`, `findtime`), and sshd's penalties, 5 s for each, never add up to the 15 s from
     * which they count (sshd_config(5), `PerSourcePenalties`).
     */
    refusedPausesMs: [20_000, 60_000, 120_000] as readonly number[],
    /** Between two looks at a host whose cloud-init still runs. */
    bootPauseMs: 5_000,
    /** Between two looks for the host keys of an instance that may be booting. */
    hostKeysPauseMs: 5_000,
    /** A new set may take this long to be seen (EC2 API reference, "Eventual consistency"). */
    visibleMs: 120_000,
    /** How long the lease of a copy is that a restore test has launched, and how often a living run renews it. */
    copyLeaseMs: 180_000,
    copyRenewalMs: 60_000,
    /** Between two looks at a copy: whether it runs, still runs, is gone. */
    copyLookMs: 5_000,
    /** How long EC2 may take to terminate a copy, and to let go of its volumes. */
    copyGoneMs: 600_000,
    /** An image may be told of for this long after it was deregistered (the same page). */
    imageGoneMs: 10_000,
    /** A new command may take this long to be known everywhere (Systems Manager API reference, `InvocationDoesNotExist`). */
    commandVisibleMs: 30_000,
    /** SendCommand is tried again after being throttled, up to this often, after this pause and each time a longer one. */
    sendAttempts: 6,
    sendPauseMs: 1_000,
    /** Between two looks at a command: the first pause, which grows to the last. */
    firstLookMs: 500,
    lastLookMs: 5_000,
    /** An execution whose last command is older, and has ended without a snapshot, is taken for dead. */
    betweenCommandsMs: 180_000,
    /** How long the removal waits for somebody else who uses the components: longer than for one that is dead. */
    inUseMs: 200_000,
    /** While somebody else's installation or removal holds the lock of the VSS components. */
    lockedPauseMs: 5_000,
    /** After a VSS document succeeded, its snapshots and AWS's tags on them may take this long to be seen. */
    vssVisibleMs: 60_000,
    /** After a VSS document failed, or was cancelled, what it made may take this long to be seen. */
    vssSettleMs: 15_000,
    /** The longest that the removal of the VSS components is waited for, with other users of them. */
    removalMs: 300_000,
};
