import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { join } from "node:path";
import {
    connect,
    LineTimeout,
    OutputTooLong,
    SshError,
    type SshConnection,
    type SshSettings,
    type SshTarget,
} from "../../../../provider/transport/ssh/connection";
import { timing } from "../../../../provider/base/timing";
import { Relay } from "../../../../lab/hosts/relay";
import { freePort } from "../../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair, type SshdOptions } from "../../../../lab/hosts/sshServer";

describe("ssh connection", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let rsaHostKey: KeyPair;
    let otherHostKey: KeyPair;
    let userKey: KeyPair;
    let sshd: Sshd;
    let agentFromEnvironment: string | undefined;
    const cleanUps: (() => unknown)[] = [];
    before(async () => {
        agentFromEnvironment = process.env.SSH_AUTH_SOCK;
        delete process.env.SSH_AUTH_SOCK;
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        rsaHostKey = keys.make("rsa");
        otherHostKey = keys.make("ed25519");
        userKey = keys.make("ed25519");
        sshd = await start();
    });
    afterEach(async () => {
        for (const cleanUp of cleanUps.splice(0).reverse()) {
            await cleanUp();
        }
    });
    after(async () => {
        if (agentFromEnvironment !== undefined) {
            process.env.SSH_AUTH_SOCK = agentFromEnvironment;
        }
        await sshd.stop();
        keys.remove();
    });

    const start = (more: Partial<SshdOptions> = {}) =>
        Sshd.start(keys, { hostKeys: [hostKey, rsaHostKey], authorized: [userKey], ...more });

    async function startForTest(more: Partial<SshdOptions> = {}): Promise<Sshd> {
        const server = await start(more);
        cleanUps.push(() => server.stop());
        return server;
    }

    const target = (port = sshd.port): SshTarget => ({
        host: "127.0.0.1",
        port,
        user: sshd.user,
        privateKey: userKey.privateKey,
        hostKey: hostKey.publicLine,
    });

    interface Extra {
        timeoutMs?: number;
        signal?: AbortSignal;
        keepaliveMs?: number;
        isYoung?: () => boolean;
        lines?: string[];
    }
    const open = (settings: SshSettings, extra: Extra = {}) => {
        const { timeoutMs = 30_000, signal = new AbortController().signal, lines = [], ...rest } = extra;
        return connect(settings, { timeoutMs, signal, log: (line) => void lines.push(line), ...rest });
    };

    async function openForTest(settings: SshSettings = target(), extra: Extra = {}): Promise<SshConnection> {
        const connection = await open(settings, extra);
        cleanUps.push(() => connection.close());
        return connection;
    }

    async function failure(connecting: Promise<SshConnection>): Promise<unknown> {
        try {
            cleanUps.push((await connecting).close.bind(await connecting));
        } catch (error) {
            return error;
        }
        throw new Error("it connected");
    }

    async function sshFailure(connecting: Promise<SshConnection>): Promise<SshError> {
        const error = await failure(connecting);
        if (!(error instanceof SshError)) {
            throw error as Error;
        }
        return error;
    }

    async function relayTo(port: number): Promise<Relay> {
        const relay = await Relay.to(port);
        cleanUps.push(() => relay.close());
        return relay;
    }

    describe("a command", () => {
        it("is talked to line by line, and ends", async () => {
            const connection = await openForTest();
            expect(connection.address).to.equal(`${sshd.user}@127.0.0.1:${sshd.port}`);
            const channel = await connection.exec("echo one; cat; echo err >&2; exit 3");
            expect(await channel.nextLine(10_000)).to.equal("one");
            channel.write("two\n");
            expect(await channel.nextLine(10_000)).to.equal("two");
            channel.end();
            expect(await channel.nextLine(10_000)).to.equal(undefined);
            expect(await channel.exit).to.deep.equal({ code: 3 });
            expect(channel.stderrHead()).to.equal("err\n");
        });

        it("has no terminal", async () => {
            const channel = await (await openForTest()).exec("tty || true");
            expect(await channel.nextLine(10_000)).to.match(/not a tty/);
        });

        it("tells the signal that ended it", async () => {
            const channel = await (await openForTest()).exec("kill -KILL $$");
            expect(await channel.exit).to.deep.equal({ signal: "SIGKILL" });
        });

        it("ends though it leaves megabytes of stderr behind that nobody reads", async () => {
            const channel = await (
                await openForTest()
            ).exec("head -c 900000 /dev/zero | tr '\\0' e >&2; echo done");
            expect(await channel.nextLine(20_000)).to.equal("done");
            expect(await channel.exit).to.deep.equal({ code: 0 });
            expect(channel.stderrHead()).to.equal("e".repeat(2048));
        });

        it("has a long line cut and goes on", async () => {
            const channel = await (
                await openForTest()
            ).exec("head -c 100000 /dev/zero | tr '\\0' x; echo; echo next");
            expect(await channel.nextLine(20_000)).to.equal("x".repeat(4096));
            expect(await channel.nextLine(20_000)).to.equal("next");
        });

        it("is cut off when it prints without end", async () => {
            const connection = await openForTest();
            const channel = await connection.exec("yes");
            const read = async () => {
                for (let line: string | undefined = ""; line !== undefined;) {
                    line = await channel.nextLine(20_000);
                }
            };
            const error: unknown = await read().catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(OutputTooLong);
            expect(await channel.exit).to.be.an("object");
            const again = await connection.exec("echo alive");
            expect(await again.nextLine(20_000)).to.equal("alive");
        });

        it("that says nothing is waited for no longer than told", async () => {
            const channel = await (await openForTest()).exec("cat");
            const error: unknown = await channel.nextLine(100).catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(LineTimeout);
            channel.write("late\n");
            expect(await channel.nextLine(20_000)).to.equal("late");
        });

        it("is waited for no longer than the signal allows", async () => {
            const channel = await (await openForTest()).exec("cat");
            const abort = new AbortController();
            const line = channel.nextLine(600_000, abort.signal).catch((reason: unknown) => reason);
            const reason = new Error("stop");
            abort.abort(reason);
            expect(await line).to.equal(reason);
            expect(await channel.nextLine(1, abort.signal).catch((late: unknown) => late)).to.equal(reason);
        });

        it("can be closed, and written to afterwards without harm", async () => {
            const channel = await (await openForTest()).exec("cat");
            channel.close();
            expect(await channel.exit).to.be.an("object");
            channel.write("late\n");
            channel.end();
            channel.close();
            expect(await channel.nextLine(20_000)).to.equal(undefined);
        });

        it("is not started once the connection is closed", async () => {
            const connection = await openForTest();
            await connection.close();
            const error: unknown = await connection.exec("true").catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(SshError).with.property("code", "SSH_UNREACHABLE");
        });

        it("is not started when the signal says so", async () => {
            const connection = await openForTest();
            const signal = AbortSignal.abort(new Error("stop"));
            const error: unknown = await connection
                .exec("true", { signal })
                .catch((reason: unknown) => reason);
            expect(error).to.equal(signal.reason);
        });

        it("is started after another one, where a server allows one session at a time", async () => {
            const strict = await startForTest({ config: ["MaxSessions 1"] });
            const connection = await openForTest(target(strict.port));
            for (let turn = 0; turn < 30; turn++) {
                const channel = await connection.exec("echo in");
                expect(await channel.nextLine(20_000)).to.equal("in");
                await channel.exit;
            }
        });

        it("that the server refuses to start is an error", async () => {
            const none = await startForTest({ config: ["MaxSessions 0"] });
            const connection = await openForTest(target(none.port));
            const error: unknown = await connection.exec("true").catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(SshError).with.property("code", "SSH_PROTOCOL_ERROR");
        });
    });

    describe("the host's key", () => {
        const accepted: [string, () => string | string[]][] = [
            ["by its line", () => hostKey.publicLine],
            ["by its fingerprint", () => hostKey.fingerprint],
            ["by the line of another type than the preferred one", () => rsaHostKey.publicLine],
            ["by the fingerprint of another type than the preferred one", () => rsaHostKey.fingerprint],
            ["by a list that holds it", () => [otherHostKey.publicLine, hostKey.publicLine]],
            ["by a list of fingerprints", () => [otherHostKey.fingerprint, rsaHostKey.fingerprint]],
            [
                "by a line of a second type when the first differs",
                () => [otherHostKey.publicLine, rsaHostKey.publicLine],
            ],
        ];
        for (const [how, key] of accepted) {
            it(`is accepted ${how}`, async () => {
                await (await open({ ...target(), hostKey: key() })).close();
            });
        }

        it("is not looked at when the user says so", async () => {
            const { hostKey: _, ...rest } = target();
            await (await open({ ...rest, insecureIgnoreHostKey: true })).close();
        });

        it("still counts when it is given beside insecureIgnoreHostKey", async () => {
            const settings = { ...target(), hostKey: otherHostKey.publicLine, insecureIgnoreHostKey: true };
            expect((await sshFailure(open(settings))).code).to.equal("SSH_HOST_KEY_MISMATCH");
        });

        const refused: [string, () => string | string[] | undefined, () => string[]][] = [
            [
                "another line",
                () => otherHostKey.publicLine,
                () => [
                    `expected ssh-ed25519 ${otherHostKey.fingerprint}`,
                    `presented ssh-ed25519 ${hostKey.fingerprint}`,
                ],
            ],
            [
                "another fingerprint",
                () => otherHostKey.fingerprint,
                () => [
                    otherHostKey.fingerprint,
                    `ssh-ed25519 ${hostKey.fingerprint}`,
                    `ssh-rsa ${rsaHostKey.fingerprint}`,
                ],
            ],
            [
                "a type that the server does not have",
                () => keys.make("ecdsa256").publicLine,
                () => ["has no key of that type"],
            ],
            ["nothing", () => undefined, () => ["there is no hostKey"]],
            ["an empty list", () => [], () => ["empty list"]],
            ["a bad text", () => ["nonsense"], () => ["unknown or unsupported key type"]],
        ];
        for (const [name, key, texts] of refused) {
            it(`is refused at once when ${name} is expected, and both are named`, async () => {
                const { hostKey: _, ...rest } = target();
                const expected = key();
                const lines: string[] = [];
                const error = await sshFailure(
                    open({ ...rest, ...(expected && { hostKey: expected }) }, { lines }),
                );
                expect(error.code).to.equal("SSH_HOST_KEY_MISMATCH");
                expect(error.transient).to.equal(false);
                expect(lines).to.deep.equal([]);
                for (const text of texts()) {
                    expect(error.message).to.include(text);
                }
            });
        }
    });

    describe("while the host is not there yet", () => {
        it("is tried again until the port opens, with a line of progress now and then", async () => {
            const port = await freePort();
            const lines: string[] = [];
            const opening = openForTest(target(port), { lines });
            const firstLine = new Promise<void>((resolve) => {
                const push = lines.push.bind(lines);
                lines.push = (...items) => {
                    resolve();
                    return push(...items);
                };
            });
            await firstLine;
            await startForTest({ port });
            await opening;
            expect(lines[0]).to.match(
                new RegExp(
                    `^waiting for ssh on 127\\.0\\.0\\.1:${port} \\(3 tries, \\d+ s\\): connection refused$`,
                ),
            );
        });

        it("is given up when the time is over, saying how often it was tried", async () => {
            const port = await freePort();
            const error = await sshFailure(open(target(port), { timeoutMs: 1000 }));
            expect(error.code).to.equal("SSH_UNREACHABLE");
            expect(error.message).to.match(/connection refused \(gave up after \d+ tries in 1 s\)/);
            expect(error.remedy).to.include("security group");
        });

        it("is tried again when its name is not known yet", async () => {
            const error = await sshFailure(
                open({ ...target(), host: "nowhere.invalid" }, { timeoutMs: 6_000 }),
            );
            expect(error.code).to.equal("SSH_UNREACHABLE");
            expect(error.message).to.match(/host name/);
            expect(error.remedy).to.include("check the name").and.not.include("security group");
        });

        it("is tried again when it closes or resets in the middle of the handshake", async () => {
            let count = 0;
            const server = createServer((client) => {
                client.on("error", () => undefined);
                if (++count === 1) {
                    client.end();
                } else if (count === 2) {
                    client.resetAndDestroy();
                } else if (count === 3) {
                    client.end("SSH-2.0-x\r\n");
                } else if (count === 4) {
                    client.end("Exceeded MaxStartups\r\n");
                } else {
                    const upstream = connectTcp(sshd.port, "127.0.0.1");
                    client.pipe(upstream).pipe(client);
                    upstream.on("error", () => client.destroy());
                    client.on("close", () => upstream.destroy());
                }
            }).listen(0, "127.0.0.1");
            await once(server, "listening");
            cleanUps.push(() => server.close());
            await openForTest(target((server.address() as { port: number }).port));
            expect(count).to.equal(5);
        });
    });

    describe("an abort", () => {
        const reason = new Error("stop");

        async function expectAbort(
            settings: SshSettings,
            when: (abort: () => void) => unknown,
        ): Promise<void> {
            const abort = new AbortController();
            const connecting = failure(open(settings, { signal: abort.signal }));
            await when(() => abort.abort(reason));
            expect(await connecting).to.equal(reason);
        }

        async function listen(onClient: (client: Socket) => void): Promise<number> {
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

        it("before it begins", () => expectAbort(target(), (abort) => abort()));

        it("while waiting for the next try", async () => {
            const port = await freePort();
            const abort = new AbortController();
            const log = () => abort.abort(reason);
            const error = failure(connect(target(port), { timeoutMs: 600_000, signal: abort.signal, log }));
            expect(await error).to.equal(reason);
        });

        it("before the server has said anything, and the socket is closed", async () => {
            let closed: Promise<unknown> | undefined;
            const { promise: accepted, resolve } = Promise.withResolvers<undefined>();
            const port = await listen((client) => {
                client.resume();
                closed = once(client, "close");
                resolve(undefined);
            });
            await expectAbort(target(port), async (abort) => {
                await accepted;
                abort();
            });
            await closed;
        });

        it("during the key exchange", async () => {
            const { promise: exchanging, resolve } = Promise.withResolvers<undefined>();
            const port = await listen((client) => {
                client.write("SSH-2.0-x\r\n");
                client.on("data", () => resolve(undefined));
            });
            await expectAbort(target(port), async (abort) => {
                await exchanging;
                abort();
            });
        });

        it("during login", async () => {
            const path = join(keys.path, "silent-agent");
            const { promise: asked, resolve } = Promise.withResolvers<undefined>();
            const agent = createServer((client) => {
                client.resume();
                resolve(undefined);
            }).listen(path);
            await once(agent, "listening");
            cleanUps.push(() => agent.close());
            const { privateKey: _, ...rest } = target();
            await expectAbort({ ...rest, agentSocketPath: path }, async (abort) => {
                await asked;
                abort();
            });
        });

        it("while the bastion does not get through", async () => {
            const { promise: accepted, resolve } = Promise.withResolvers<undefined>();
            const port = await listen(() => resolve(undefined));
            await expectAbort({ ...target(port), proxy: target() }, async (abort) => {
                await accepted;
                abort();
            });
        });
    });

    describe("that breaks", () => {
        it("silently is noticed, and ends its commands", async () => {
            const relay = await relayTo(sshd.port);
            const connection = await openForTest(target(relay.port), { keepaliveMs: 200 });
            const channel = await connection.exec("cat");
            const line = channel.nextLine(600_000);
            relay.silence();
            const { asked, reason } = await connection.closed;
            expect(asked).to.equal(false);
            expect(reason).to.match(/keepalive/i);
            expect(await line).to.equal(undefined);
            expect(await channel.exit).to.deep.equal({});
            channel.write("into the void\n");
        });

        it("by a reset is noticed at once", async () => {
            const relay = await relayTo(sshd.port);
            const connection = await openForTest(target(relay.port));
            const channel = await connection.exec("cat");
            relay.reset();
            expect(await connection.closed).to.deep.include({ asked: false });
            expect(await channel.exit).to.deep.equal({});
        });

        it("while a command is being started", async () => {
            const relay = await relayTo(sshd.port);
            const connection = await openForTest(target(relay.port), { keepaliveMs: 200 });
            relay.silence();
            const error: unknown = await connection.exec("true").catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(SshError).with.property("code", "SSH_UNREACHABLE");
        });

        it("is closed within a bound though the server says nothing any more", async () => {
            const relay = await relayTo(sshd.port);
            const connection = await openForTest(target(relay.port));
            relay.silence();
            const start = performance.now();
            await connection.close();
            expect(performance.now() - start).to.be.lessThan(10_000);
            expect((await connection.closed).asked).to.equal(true);
        });
    });

    describe("that a young host refuses", () => {
        const usual = { ...timing };
        beforeEach(() => (timing.refusedPausesMs = [300, 300, 300]));
        afterEach(() => Object.assign(timing, usual));
        const isYoung = () => true;
        const authorize = (server: Sshd, text: string) => keys.file(`authorized-${server.port}`, text);

        it("succeeds when the host has got the key meanwhile", async () => {
            const server = await startForTest({ authorized: [] });
            const lines: string[] = [];
            lines.push = (line) => {
                authorize(server, `${userKey.publicLine}\n`);
                return Array.prototype.push.call(lines, line);
            };
            await openForTest(target(server.port), { isYoung, lines });
            expect(lines).to.deep.equal([
                `127.0.0.1:${server.port} refuses the login, but was started only now and may still get its users, so this run tries again in 0 s`,
            ]);
        });

        it("is tried three times more, each over a connection of its own, and no more", async () => {
            const server = await startForTest({ authorized: [] });
            const relay = await relayTo(server.port);
            const error = await sshFailure(open(target(relay.port), { isYoung }));
            expect(error).to.include({ code: "SSH_LOGIN_REFUSED", where: "instance" });
            expect(error.message).to.match(
                /login refused, tried private key .*gave up after 4 tries in \d+ s/,
            );
            expect(relay.connections).to.equal(4);
        });

        it("fails at once where the next try would be too late", async () => {
            timing.refusedPausesMs = [20_000];
            const server = await startForTest({ authorized: [] });
            const error = await sshFailure(open(target(server.port), { isYoung, timeoutMs: 15_000 }));
            expect(error.message).not.to.include("gave up");
        });

        it("fails at once when it is the bastion that refuses", async () => {
            const proxy = { ...target(), privateKey: otherHostKey.privateKey };
            const lines: string[] = [];
            const error = await sshFailure(open({ ...target(), proxy }, { isYoung, lines }));
            expect(error.message).not.to.include("gave up");
            expect(lines).to.deep.equal([]);
        });
    });

    describe("through a bastion", () => {
        it("runs a command, and both connections are closed in the end", async () => {
            const inner = await relayTo(sshd.port);
            const outer = await relayTo((await startForTest({ hostKeys: [otherHostKey] })).port);
            const proxy = { ...target(outer.port), hostKey: otherHostKey.publicLine };
            const connection = await openForTest({ ...target(inner.port), proxy });
            const channel = await connection.exec("echo through");
            expect(await channel.nextLine(20_000)).to.equal("through");
            await connection.close();
            expect((await connection.closed).asked).to.equal(true);
            for (const relay of [inner, outer]) {
                const closed = once(relay.server, "close");
                relay.server.close();
                await closed;
            }
        });

        it("says that the bastion's host key is wrong", async () => {
            const error = await sshFailure(
                open({ ...target(), proxy: { ...target(), hostKey: otherHostKey.publicLine } }),
            );
            expect(error).to.include({ code: "SSH_HOST_KEY_MISMATCH", where: "proxy" });
            expect(error.message).to.include("ssh to proxy ");
        });

        it("says that the instance's host key is wrong", async () => {
            const error = await sshFailure(
                open({ ...target(), hostKey: otherHostKey.publicLine, proxy: target() }),
            );
            expect(error).to.include({ code: "SSH_HOST_KEY_MISMATCH", where: "instance" });
        });

        it("says that the bastion refuses the login", async () => {
            const proxy = { ...target(), privateKey: otherHostKey.privateKey };
            expect(await sshFailure(open({ ...target(), proxy }))).to.include({
                code: "SSH_LOGIN_REFUSED",
                where: "proxy",
            });
        });

        it("says that the bastion is not reached", async () => {
            const error = await sshFailure(
                open({ ...target(), proxy: target(await freePort()) }, { timeoutMs: 500 }),
            );
            expect(error).to.include({ code: "SSH_UNREACHABLE", where: "proxy" });
        });

        it("says that the bastion does not reach the instance, and keeps the bastion for the next try", async () => {
            const outer = await relayTo(sshd.port);
            const settings = { ...target(await freePort()), proxy: target(outer.port) };
            const error = await sshFailure(open(settings, { timeoutMs: 1500 }));
            expect(error).to.include({ code: "SSH_UNREACHABLE", where: "instance" });
            expect(error.message).to.match(/proxy does not reach it: .*refused.*gave up after \d+ tries/i);
            expect(outer.connections).to.equal(1);
        });

        it("reaches an instance that comes up later", async () => {
            const port = await freePort();
            const lines: string[] = [];
            const { promise: waiting, resolve } = Promise.withResolvers<undefined>();
            lines.push = () => {
                resolve(undefined);
                return 0;
            };
            const opening = openForTest({ ...target(port), proxy: target() }, { lines });
            await waiting;
            await startForTest({ port });
            await opening;
        });

        it("says at once that the bastion forbids forwarding", async () => {
            const strict = await startForTest({ config: ["AllowTcpForwarding no"] });
            const error = await sshFailure(open({ ...target(), proxy: target(strict.port) }));
            expect(error).to.include({ code: "SSH_UNREACHABLE", where: "proxy", transient: false });
            expect(error.remedy).to.include("AllowTcpForwarding");
        });

        it("notices that the bastion is cut silently", async () => {
            const outer = await relayTo(sshd.port);
            const connection = await openForTest(
                { ...target(), proxy: target(outer.port) },
                { keepaliveMs: 200 },
            );
            const channel = await connection.exec("cat");
            outer.silence();
            expect((await connection.closed).asked).to.equal(false);
            expect(await channel.exit).to.deep.equal({});
        });
    });

    describe("leaves nothing that keeps the process alive", () => {
        async function run(settings: SshSettings, until = ""): Promise<string> {
            const script = require.resolve("../../../../lab/hosts/connectExecClose.ts");
            const args = ["--import", "tsx", script, JSON.stringify(settings), until];
            const child = spawn(process.execPath, args, {
                stdio: ["ignore", "pipe", "inherit"],
                timeout: 50_000,
            });
            let output = "";
            child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
            const [code] = (await once(child, "close")) as [number | null];
            expect(code, "did not end by itself").to.equal(0);
            return output;
        }

        it("after close()", async () => expect(await run(target())).to.equal("in\nundefined\n"));

        it("after close() through a bastion", async () =>
            expect(await run({ ...target(), proxy: target() })).to.equal("in\nundefined\n"));

        it("after a login that was refused", async () =>
            expect(
                await run({ ...target(), privateKey: otherHostKey.privateKey, proxy: target() }),
            ).to.include("refused"));

        it("after the server is gone", async () =>
            expect(await run({ ...target(), proxy: target() }, "cut")).to.equal("closed, asked: false\n"));
    });
});
