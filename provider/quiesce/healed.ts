/** Executions whose freeze is known, in this process, to be over: a later call of the engine need not ask again. */
const healed = new Set<string>();

export function markHealed(executionId: string): void {
    healed.add(executionId);
}

export function isHealed(executionId: string): boolean {
    return healed.has(executionId);
}
