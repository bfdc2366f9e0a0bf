import { expect } from "chai";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Server as SshServer, utils, type Connection, type ParsedKey } from "ssh2";
import {
    connect,
    OutputTooLong,
    SshError,
    type SshSettings,
} from "../../../../provider/transport/ssh/connection";
import { KeyFolder, type KeyPair } from "../../../../lab/hosts/sshServer";

const PASSWORD = "correct horse battery staple";

// What no sshd would do: servers in process.
describe("a hostile server", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let otherKey: KeyPair;
    let agentFromEnvironment: string | undefined;
    const cleanUps: (() => unknown)[] = [];
    before(() => {
        agentFromEnvironment = process.env.SSH_AUTH_SOCK;
        delete process.env.SSH_AUTH_SOCK;
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        otherKey = keys.make("ed25519");
    });
    afterEach(async () => {
        for (const cleanUp of cleanUps.splice(0).reverse()) {
            await cleanUp();
        }
    });
    after(() => {
        if (agentFromEnvironment !== undefined) {
            process.env.SSH_AUTH_SOCK = agentFromEnvironment;
        }
        keys.remove();
    });

    const settings = (port: number): SshSettings => ({
        host: "127.0.0.1",
        port,
        user: "tester",
        password: PASSWORD,
        hostKey: hostKey.publicLine,
    });
    const open = (port: number, timeoutMs = 1500) =>
        connect(settings(port), { timeoutMs, signal: new AbortController().signal, log: () => undefined });

    async function failure(port: number, timeoutMs?: number): Promise<SshError> {
        const error: unknown = await open(port, timeoutMs).catch((reason: unknown) => reason);
        if (!(error instanceof SshError)) {
            throw new Error("it connected", { cause: error });
        }
        expect(error.message).to.not.include(PASSWORD);
        return error;
    }

    async function tcpServer(onClient: (client: Socket) => void): Promise<number> {
        const clients = new Set<Socket>();
        const server = createServer((client) => {
            clients.add(client);
            client.on("error", () => undefined);
            onClient(client);
        }).listen(0, "127.0.0.1");
        await once(server, "listening");
        cleanUps.push(() => {
            server.close();
            for (const client of clients) {
                client.destroy();
            }
        });
        return (server.address() as { port: number }).port;
    }

    async function sshServer(
        onClient: (client: Connection) => void,
        more: { key?: unknown; banner?: string } = {},
    ): Promise<number> {
        const { key = hostKey.privateKey, ...rest } = more;
        const clients = new Set<Connection>();
        const server = new SshServer({ hostKeys: [{ key } as never], ...rest }, (client) => {
            clients.add(client);
            client.on("error", () => undefined);
            onClient(client);
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        cleanUps.push(() => {
            server.close();
            for (const client of clients) {
                client.end();
            }
        });
        return (server.address() as { port: number }).port;
    }

    it("that accepts and says nothing", async () => {
        const error = await failure(await tcpServer(() => undefined));
        expect(error.code).to.equal("SSH_UNREACHABLE");
        expect(error.message).to.include("no answer within");
    });

    it("that turns us away with a word, byte by byte", async () => {
        const port = await tcpServer((client) => {
            client.setNoDelay(true);
            void (async () => {
                for (const byte of "Not allowed at this time\r\n") {
                    await new Promise((resolve) => client.write(byte, resolve));
                }
                client.destroy();
            })();
        });
        const error = await failure(port);
        expect(error.code).to.equal("SSH_UNREACHABLE");
        expect(error.message).to.include("turned the connection away: Not allowed at this time");
        expect(error.remedy).to.include("PerSourcePenalties");
    });

    it("that drips", async () => {
        const port = await tcpServer((client) => {
            const timer = setInterval(() => client.write("x\r\n"), 20);
            client.on("close", () => clearInterval(timer));
        });
        expect((await failure(port)).code).to.equal("SSH_UNREACHABLE");
    });

    for (const [name, piece] of [
        ["lines", "x".repeat(1000) + "\r\n"],
        ["one line", "x".repeat(1000)],
        ["zeros", "\0".repeat(1000)],
    ] as const) {
        it(`that sends endless ${name} before it says who it is`, async () => {
            let sent = 0;
            const port = await tcpServer((client) => {
                const pump = () => {
                    while (sent < 50_000_000 && !client.destroyed && client.write(piece)) {
                        sent += piece.length;
                    }
                };
                client.on("drain", pump);
                pump();
            });
            const error = await failure(port, 30_000);
            expect(error.code).to.equal("SSH_PROTOCOL_ERROR");
            expect(error.remedy).to.include("another service");
            expect(sent).to.be.lessThan(50_000_000);
        });
    }

    it("that is a web server", async () => {
        const port = await tcpServer((client) => client.end("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"));
        expect((await failure(port)).code).to.be.oneOf(["SSH_PROTOCOL_ERROR", "SSH_UNREACHABLE"]);
    });

    it("that says something else than SSH 2", async () => {
        const port = await tcpServer((client) => client.write("SSH-1.5-old\r\n"));
        expect((await failure(port, 30_000)).code).to.equal("SSH_PROTOCOL_ERROR");
    });

    it("that sends garbage instead of a key exchange", async () => {
        const port = await tcpServer((client) => client.write("SSH-2.0-x\r\n" + "\xff".repeat(5000)));
        expect((await failure(port, 30_000)).code).to.equal("SSH_PROTOCOL_ERROR");
    });

    it("that shows the expected host key without having its private half", async () => {
        const real = utils.parseKey(hostKey.privateKey) as ParsedKey;
        const impostor = utils.parseKey(otherKey.privateKey) as ParsedKey;
        impostor.getPublicSSH = () => real.getPublicSSH();
        let asked = false;
        const port = await sshServer(
            (client) => {
                client.on("authentication", (context) => {
                    asked = true;
                    context.accept();
                });
            },
            { key: impostor },
        );
        const error = await failure(port, 30_000);
        expect(error.code).to.equal("SSH_PROTOCOL_ERROR");
        expect(asked, "was sent credentials").to.equal(false);
    });

    it("that says the password back when it refuses", async () => {
        const port = await sshServer(
            (client) => client.on("authentication", (context) => context.reject(["password"])),
            { banner: `no ${PASSWORD} here\u001b[31m\n` },
        );
        const error = await failure(port, 30_000);
        expect(error.code).to.equal("SSH_LOGIN_REFUSED");
        expect(error.message).to.include("it said: no [secret] here");
    });

    it("that asks questions without end", async () => {
        const port = await sshServer((client) => {
            client.on("authentication", (context) => {
                if (context.method !== "keyboard-interactive") {
                    context.reject(["keyboard-interactive"]);
                    return;
                }
                const ask = () => context.prompt([{ prompt: "again", echo: false }], ask);
                ask();
            });
        });
        const error = await failure(port);
        expect(error.code).to.equal("SSH_UNREACHABLE");
    });

    it("that never answers the login", async () => {
        const error = await failure(
            await sshServer((client) => client.on("authentication", () => undefined)),
        );
        expect(error.code).to.equal("SSH_UNREACHABLE");
        expect(error.message).to.include("no answer within");
    });

    function accepting(onSession: (accept: () => unknown) => void): (client: Connection) => void {
        return (client) => {
            client.on("authentication", (context) => context.accept());
            client.on("session", (accept) => onSession(accept));
        };
    }

    it("that never starts a command: the caller's signal ends it", async () => {
        const connection = await open(await sshServer(accepting(() => undefined)), 30_000);
        cleanUps.push(() => connection.close());
        const abort = new AbortController();
        const starting = connection.exec("true", { signal: abort.signal }).catch((reason: unknown) => reason);
        const reason = new Error("stop");
        abort.abort(reason);
        expect(await starting).to.equal(reason);
    });

    it("that never starts a command: it is given up", async () => {
        const connection = await open(await sshServer(accepting(() => undefined)), 30_000);
        cleanUps.push(() => connection.close());
        const error: unknown = await connection.exec("true").catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(SshError).with.property("code", "SSH_PROTOCOL_ERROR");
    });

    it("that prints without end to stderr", async () => {
        const port = await sshServer(
            accepting((accept) => {
                const session = accept() as {
                    on(
                        event: "exec",
                        act: (
                            accept: () => {
                                stderr: NodeJS.WritableStream;
                            },
                        ) => void,
                    ): void;
                };
                session.on("exec", (acceptExec) => {
                    const channel = acceptExec();
                    let open = true;
                    cleanUps.push(() => (open = false));
                    const pump = () => {
                        if (open) {
                            channel.stderr.write("e".repeat(30_000), () => setImmediate(pump));
                        }
                    };
                    pump();
                });
            }),
        );
        const connection = await open(port, 30_000);
        cleanUps.push(() => connection.close());
        const channel = await connection.exec("true");
        const error: unknown = await channel.nextLine(30_000).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(OutputTooLong);
        expect(channel.stderrHead()).to.have.length(2048);
    });

    it("that ends a command without saying how", async () => {
        const port = await sshServer(
            accepting((accept) => {
                const session = accept() as {
                    on(
                        event: "exec",
                        act: (accept: () => { end(text: string): void; close(): void }) => void,
                    ): void;
                };
                session.on("exec", (acceptExec) => {
                    const channel = acceptExec();
                    channel.end("bye");
                    channel.close();
                });
            }),
        );
        const connection = await open(port, 30_000);
        cleanUps.push(() => connection.close());
        const channel = await connection.exec("true");
        expect(await channel.nextLine(20_000)).to.equal("bye");
        expect(await channel.nextLine(20_000)).to.equal(undefined);
        expect(await channel.exit).to.deep.equal({});
    });
});
