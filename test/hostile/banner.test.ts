import { assert } from "chai";
import { once } from "node:events";
import { Server } from "ssh2";
import { SshError, connect } from "../../provider/ssh/connection";
import { rejection } from "../support/rejection";
import { KeyFolder } from "../support/sshServer";

const BANNER_BYTES = 10 * 1024 * 1024;
const MEMORY_LIMIT_BYTES = 100 * 1024 * 1024;

describe("a hostile server's banner of 10 MB", () => {
    let keys: KeyFolder;
    let server: Server;
    before(() => (keys = new KeyFolder()));
    after(() => {
        server.close();
        keys.remove();
    });

    it("ends the login", async () => {
        const hostKey = keys.make("ed25519");
        const settings = { hostKeys: [hostKey.privateKey], banner: "x".repeat(BANNER_BYTES) };
        server = new Server(settings, (client) => client.on("error", () => undefined));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as { port: number };
        const memory = process.memoryUsage.rss();
        const error = await rejection<SshError>(
            connect(
                { host: "127.0.0.1", port, user: "u", password: "p", hostKey: hostKey.publicLine },
                { timeoutMs: 30_000, signal: new AbortController().signal, log: () => undefined },
            ),
        );
        assert.instanceOf(error, SshError);
        assert.isBelow(error.message.length, 1_000);
        assert.isBelow(process.memoryUsage.rss() - memory, MEMORY_LIMIT_BYTES);
    });
});
