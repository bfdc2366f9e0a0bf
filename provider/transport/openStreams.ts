import type { Duplex } from "node:stream";

/** What carries the streams of a route, as long as it lives. */
export class OpenStreams<T extends Duplex & { readonly gone: Promise<unknown> }> {
    readonly #open = new Set<T>();

    add(stream: T): void {
        this.#open.add(stream);
        void stream.gone.then(() => this.#open.delete(stream));
    }

    /** Ends all, and waits until they are gone. */
    async close(): Promise<void> {
        await Promise.all(
            [...this.#open].map((stream) => {
                stream.destroy();
                return stream.gone;
            }),
        );
    }
}
