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

/**
 * Does the same for one after the other, until it fails for one.
 * @param order all of them, the first one first
 * @throws SomeFailed, by the order of `all`
 */
export async function inTurn<M>(
    all: readonly M[],
    order: readonly M[],
    work: (one: M) => Promise<void>,
): Promise<void> {
    for (const one of order) {
        try {
            await work(one);
        } catch (error) {
            throw new SomeFailed(all.map((other) => (other === one ? error : undefined)));
        }
    }
}
