/** Waits for the work, but no longer than until the signal is aborted. The work itself goes on. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    work.catch(() => undefined);
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
        return await Promise.race([work, aborted]);
    } finally {
        if (onAbort !== undefined) {
            signal.removeEventListener("abort", onAbort);
        }
    }
}
