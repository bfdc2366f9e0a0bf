import { once } from "node:events";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface RelayOptions {
    /** Each byte is sent alone. */
    readonly bytewise?: boolean;
    /** What arrives is kept for so long. Milliseconds. */
    readonly delayMs?: number;
}

/** Passes bytes on to a server on loopback, until told to stop, with or without a word. */
export class Relay {
    connections = 0;
    readonly #sockets = new Set<Socket>();
    #silent = false;

    private constructor(
        readonly server: Server,
        readonly port: number,
        private readonly options: RelayOptions,
    ) {}

    static async to(target: number, options: RelayOptions = {}): Promise<Relay> {
        const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
            relay.#join(
                client,
                connectTcp({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }),
            ),
        );
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const relay = new Relay(server, (server.address() as { port: number }).port, options);
        return relay;
    }

    #join(client: Socket, upstream: Socket): void {
        this.connections++;
        for (const [from, to] of [
            [client, upstream],
            [upstream, client],
        ] as const) {
            this.#sockets.add(from);
            from.on("error", () => to.destroy());
            from.on("close", () => to.destroy());
            void this.#pass(from, to).catch(() => undefined);
        }
    }

    async #pass(from: Socket, to: Socket): Promise<void> {
        for await (const bytes of from as AsyncIterable<Buffer>) {
            if (this.options.delayMs !== undefined) {
                await sleep(this.options.delayMs);
            }
            for (const piece of this.options.bytewise === true ? bytes.toString("latin1") : [bytes]) {
                await this.#write(to, piece);
            }
        }
        if (!this.#silent) {
            to.end();
        }
    }

    /** Resolves when it has gone out, so that what is written next does not go with it. */
    async #write(to: Socket, piece: string | Buffer): Promise<void> {
        if (!this.#silent) {
            await new Promise((resolve) => to.write(piece, "latin1", resolve));
        }
    }

    /** As when a route is gone: nothing arrives any more, not even an end. */
    silence(): void {
        this.#silent = true;
    }

    /** As when the instance is killed: a reset. */
    reset(): void {
        for (const socket of this.#sockets) {
            socket.resetAndDestroy();
        }
    }

    /** As when the server ends: a FIN. */
    end(): void {
        for (const socket of this.#sockets) {
            socket.end();
        }
    }

    close(): void {
        this.server.close();
        for (const socket of this.#sockets) {
            socket.destroy();
        }
    }
}
