/** A bad input, by its property path (`quiesce.connection.hostKey`, `volumes.excludeDataVolumeIds[0]`). */
export interface CheckFailure {
    readonly property: string;
    readonly reason: string;
}
