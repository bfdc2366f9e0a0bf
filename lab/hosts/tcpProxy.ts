import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy on loopback that can be slow, cut its connections, or go silent. */
export class TcpProxy {
    readonly #links = new Set<Link>();

    private constructor(
        private readonly server: Server,
        readonly port: number,
    ) {}

    /** `delay`: milliseconds in each direction. `port`: that of one which was stopped. */
    static async start(options: { to: number; delay?: number; port?: number }): Promise<TcpProxy> {
        const server = createServer({ allowHalfOpen: true });
        server.listen(options.port ?? 0, "127.0.0.1");
        await once(server, "listening");
        const address = server.address();
        if (address === null || typeof address === "string") {
            throw new Error("no port");
        }
        const proxy = new TcpProxy(server, address.port);
        server.on("connection", (client) => {
            const link = new Link(client, options.to, options.delay ?? 0);
            proxy.#links.add(link);
            link.onClosed = () => proxy.#links.delete(link);
        });
        return proxy;
    }

    /** How many connections are open. */
    get connections(): number {
        return this.#links.size;
    }

    /** Closes all connections, towards the client and the server: with FIN, or with RST. */
    cut(how: "FIN" | "RST"): void {
        for (const link of this.#links) {
            link.cut(how);
        }
    }

    /** From now on nothing passes, and neither side is told: no FIN, no RST, as when a cable is pulled. */
    goSilent(): void {
        for (const link of this.#links) {
            link.goSilent();
        }
    }

    /** Ends it with all its connections. */
    async stop(): Promise<void> {
        this.server.close();
        this.cut("RST");
        if (this.server.listening) {
            await once(this.server, "close");
        }
    }
}

class Link {
    onClosed: () => void = () => undefined;
    readonly #sockets: readonly [Socket, Socket];
    #silent = false;

    constructor(
        client: Socket,
        port: number,
        private readonly delay: number,
    ) {
        const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        this.#sockets = [client, server];
        this.#carry(client, server);
        this.#carry(server, client);
    }

    #carry(from: Socket, to: Socket): void {
        from.setNoDelay(true);
        from.on("data", (bytes) => this.#later(() => to.write(bytes)));
        from.on("end", () => this.#later(() => to.end()));
        from.on("error", () => this.#later(() => to.resetAndDestroy()));
        from.on("close", () => {
            if (this.#sockets.every((socket) => socket.destroyed)) {
                this.onClosed();
            }
        });
    }

    #later(act: () => void): void {
        const unlessSilent = () => {
            if (!this.#silent) {
                act();
            }
        };
        if (this.delay === 0) {
            unlessSilent();
        } else {
            setTimeout(unlessSilent, this.delay);
        }
    }

    cut(how: "FIN" | "RST"): void {
        this.#silent = true;
        for (const socket of this.#sockets) {
            if (how === "RST") {
                socket.resetAndDestroy();
            } else {
                socket.end(() => socket.destroy());
            }
        }
    }

    goSilent(): void {
        this.#silent = true;
        // Read and dropped, so that neither side notices by a full window.
        for (const socket of this.#sockets) {
            socket.resume();
        }
    }
}
