/** What some of several could not do, by their order; undefined for the others, which have done it. */
export class SomeFailed extends Error {
    constructor(readonly errors: readonly unknown[]) {
        super("some of several failed");
    }
}

/**
 * Does the same for all at once, and waits until each has ended.
 * @throws SomeFailed
 */
export async function together<M, T>(all: readonly M[], work: (one: M) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(all.map(work));
    if (results.some((result) => result.status === "rejected")) {
        throw new SomeFailed(
            results.map((result): unknown => (result.status === "rejected" ? result.reason : undefined)),
        );
    }
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
