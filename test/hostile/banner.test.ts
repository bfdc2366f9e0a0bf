import { assert } from "chai";
import { once } from "node:events";
import { type Connection, Server } from "ssh2";
import { SshError, connect } from "../../provider/transport/ssh/connection";
import { rejection } from "../../lab/rejection";
import { type KeyPair, KeyFolder } from "../../lab/hosts/sshServer";

const BANNER_BYTES = 10 * 1024 * 1024;
/** The server's own copies of the banner are in it: they are of this process too. */
const MEMORY_LIMIT_BYTES = 60 * 1024 * 1024;
/** Below the client's limit for one try, 15 s: it is to give up by itself, and not because nothing comes any more. */
const TIME_LIMIT_MS = 10_000;

describe("a hostile server's banner", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let server: Server;
    const clients: Connection[] = [];
    before(() => {
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
    });
    afterEach(() => {
        server.close();
        clients.splice(0).forEach((client) => client.end());
    });
    after(() => keys.remove());

    /** Accepts whoever comes: nothing but the banner is in the way of a login. */
    async function serve(banner: string): Promise<number> {
        server = new Server({ hostKeys: [hostKey.privateKey], banner }, (client) => {
            clients.push(client);
            client.on("error", () => undefined);
            client.on("authentication", (context) => context.accept());
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return (server.address() as { port: number }).port;
    }

    function logIn(port: number) {
        return connect(
            { host: "127.0.0.1", port, user: "u", password: "let-me-in", hostKey: hostKey.publicLine },
            { timeoutMs: 30_000, signal: new AbortController().signal, log: () => undefined },
        );
    }

    it("of one line: the login succeeds, so what follows is about its size", async () => {
        const connection = await logIn(await serve("Authorized use only."));
        await connection.close();
    });

    it("of 10 MB ends the login, soon, and is not kept", async () => {
        const port = await serve("x".repeat(BANNER_BYTES));
        const memory = process.memoryUsage.rss();
        const began = performance.now();
        const error = await rejection<SshError>(logIn(port));
        assert.instanceOf(error, SshError);
        assert.equal(error.code, "SSH_PROTOCOL_ERROR");
        assert.isBelow(performance.now() - began, TIME_LIMIT_MS);
        assert.isBelow(error.message.length, 1_000);
        assert.isBelow(process.memoryUsage.rss() - memory, MEMORY_LIMIT_BYTES);
    });
});
