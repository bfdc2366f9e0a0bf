/** Is told what to stop, also after a failure; the last one told is the first one called. */
export type AtEnd = (stop: () => unknown) => void;

/** Stops all that was started, also when one cannot be stopped; then this process ends with a failure. */
export async function stopAll(stops: (() => unknown)[]): Promise<void> {
    for (const stop of stops.reverse()) {
        try {
            await stop();
        } catch (error) {
            console.error(error);
            process.exitCode = 1;
        }
    }
}
