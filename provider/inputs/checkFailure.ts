/** A bad input, by its property path (`quiesce.connection.hostKey`, `volumes.excludeDataVolumeIds[0]`). */
export interface CheckFailure {
    readonly property: string;
    readonly reason: string;
}

/** The first word about an input is the plainest; what it leads to is not said as well. */
export function firstOfEach(failures: readonly CheckFailure[]): CheckFailure[] {
    return failures.filter(
        ({ property }, index) => index === failures.findIndex((other) => other.property === property),
    );
}
