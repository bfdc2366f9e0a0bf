import { expect } from "chai";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { inspect } from "node:util";
import { join } from "node:path";
import { createServer, type Server } from "node:net";
import { utils, type OpenSSHAgent, type ParsedKey } from "ssh2";
import { connect, SshError, type SshSettings } from "../../../../provider/transport/ssh/connection";
import { Login } from "../../../../provider/transport/ssh/login";
import {
    KEY_KINDS,
    KeyFolder,
    Sshd,
    stopProcess,
    type KeyKind,
    type KeyPair,
    type SshdOptions,
} from "../../../../lab/hosts/sshServer";

const PASSWORD = "correct horse battery staple";

describe("login", () => {
    let keys: KeyFolder;
    let hostKey: KeyPair;
    const pairs = new Map<KeyKind, KeyPair>();
    let encrypted: KeyPair;
    let stranger: KeyPair;
    let sshd: Sshd;
    let agentFromEnvironment: string | undefined;
    before(async () => {
        agentFromEnvironment = process.env.SSH_AUTH_SOCK;
        delete process.env.SSH_AUTH_SOCK;
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
            pairs.set(kind, keys.make(kind));
        }
        encrypted = keys.make("ed25519", { passphrase: PASSWORD });
        stranger = keys.make("ed25519");
        sshd = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [...pairs.values(), encrypted] });
    });
    after(async () => {
        if (agentFromEnvironment !== undefined) {
            process.env.SSH_AUTH_SOCK = agentFromEnvironment;
        }
        await sshd.stop();
        keys.remove();
    });

    const to = (server: { port: number; user?: string }, more: Partial<SshSettings>): SshSettings => ({
        host: "127.0.0.1",
        port: server.port,
        user: server.user ?? "nobody",
        hostKey: hostKey.publicLine,
        ...more,
    });
    const options = (timeoutMs = 30_000) => {
        const log: string[] = [];
        return {
            timeoutMs,
            signal: new AbortController().signal,
            log: (line: string) => void log.push(line),
            lines: log,
        };
    };

    async function expectLogin(settings: SshSettings): Promise<void> {
        const connection = await connect(settings, options());
        try {
            const channel = await connection.exec("echo in");
            expect(await channel.nextLine(20_000)).to.equal("in");
        } finally {
            await connection.close();
        }
    }

    async function expectRefused(settings: SshSettings): Promise<SshError> {
        const { lines, ...rest } = options();
        const error: unknown = await connect(settings, rest).then(
            async (connection) => {
                await connection.close();
                throw new Error("logged in");
            },
            (reason: unknown) => reason,
        );
        if (!(error instanceof SshError)) {
            throw error;
        }
        expect(error.code).to.equal("SSH_LOGIN_REFUSED");
        expect(error.transient, "would be retried").to.equal(false);
        expect(lines, "waited").to.deep.equal([]);
        expect(inspect(error, { depth: 9 })).to.not.include(PASSWORD);
        return error;
    }

    for (const kind of Object.keys(KEY_KINDS) as KeyKind[]) {
        it(`by a private key of kind ${kind}`, () =>
            expectLogin(to(sshd, { privateKey: pairs.get(kind)!.privateKey })));
    }

    it("by an encrypted private key", () =>
        expectLogin(to(sshd, { privateKey: encrypted.privateKey, privateKeyPassword: PASSWORD })));

    it("refuses an encrypted key without its passphrase before it connects", async () => {
        const error = await expectRefused(to({ port: 1 }, { privateKey: encrypted.privateKey }));
        expect(error.message).to.include("privateKeyPassword is required");
    });

    it("refuses a wrong passphrase before it connects", async () => {
        const settings = to(
            { port: 1 },
            { privateKey: encrypted.privateKey, privateKeyPassword: `${PASSWORD}!` },
        );
        expect((await expectRefused(settings)).message).to.include(
            "privateKeyPassword does not open privateKey",
        );
    });

    it("says which key was tried, what the server offers and who was refused", async () => {
        const error = await expectRefused(to(sshd, { privateKey: stranger.privateKey }));
        expect(error.message).to.include(`private key (ssh-ed25519 ${stranger.fingerprint})`);
        expect(error.message).to.include("the server offers publickey");
        expect(error.address).to.equal(`${sshd.user}@127.0.0.1:${sshd.port}`);
        expect(error.where).to.equal("instance");
    });

    it("does not send a password to a server that offers keys only", async () => {
        const error = await expectRefused(to(sshd, { password: PASSWORD }));
        expect(error.message).to.include("nothing to try").and.include("publickey");
    });

    it("refuses when there are no credentials at all", async () => {
        expect((await expectRefused(to(sshd, {}))).message).to.include("nothing to try");
    });

    async function startAgent(socket: string, held: readonly KeyPair[]): Promise<ChildProcess> {
        const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
        await once(agent.stdout, "data");
        for (const { file } of held) {
            execFileSync("ssh-add", ["-q", file], {
                env: { ...process.env, SSH_AUTH_SOCK: socket },
                stdio: "ignore",
            });
        }
        return agent;
    }

    describe("by an agent", () => {
        let agent: ChildProcess;
        let socket: string;
        before(async () => {
            socket = join(keys.path, "agent");
            agent = await startAgent(socket, [stranger, pairs.get("rsa")!]);
        });
        after(() => stopProcess(agent));

        it("that holds an RSA key behind an unknown one", () =>
            expectLogin(to(sshd, { agentSocketPath: socket })));

        it("of the environment, after a private key that was refused", async () => {
            process.env.SSH_AUTH_SOCK = socket;
            try {
                await expectLogin(to(sshd, { privateKey: stranger.privateKey }));
            } finally {
                delete process.env.SSH_AUTH_SOCK;
            }
        });

        it("that holds more keys than the server lets try", async () => {
            const picky = await Sshd.start(keys, {
                hostKeys: [hostKey],
                authorized: [],
                config: ["MaxAuthTries 1"],
            });
            try {
                const error = await expectRefused(to(picky, { agentSocketPath: socket }));
                expect(error.message)
                    .to.include("tried agent")
                    .and.include("Too many authentication failures");
                expect(error.remedy)
                    .to.include("MaxAuthTries")
                    .and.include("an agent that holds this key alone");
            } finally {
                await picky.stop();
            }
        });

        it("that is not there", async () => {
            const error = await expectRefused(to(sshd, { agentSocketPath: join(keys.path, "no-agent") }));
            expect(error.message).to.include("Failed to connect to agent");
        });

        it("that never answers, within the time", async () => {
            const path = join(keys.path, "dead-agent");
            const dead: Server = createServer((client) => client.resume()).listen(path);
            await once(dead, "listening");
            try {
                const error: unknown = await connect(
                    to(sshd, { agentSocketPath: path }),
                    options(1500),
                ).catch((reason: unknown) => reason);
                expect(error).to.be.instanceOf(SshError).with.property("code", "SSH_UNREACHABLE");
                // A socket that were still open to the agent would keep its server from closing.
                const closed = once(dead, "close");
                dead.close();
                await closed;
            } finally {
                dead.close();
            }
        });
    });

    describe("to a server that takes RSA with SHA-1 only", () => {
        let old: Sshd;
        before(async () => {
            old = await Sshd.start(keys, {
                hostKeys: [hostKey],
                authorized: [pairs.get("rsa")!],
                config: ["PubkeyAcceptedAlgorithms ssh-rsa"],
            });
        });
        after(() => old.stop());

        it("refuses, though OpenSSH's client may be told to accept it", async () => {
            await expectRefused(to(old, { privateKey: pairs.get("rsa")!.privateKey }));
            const ssh = ["-F", "none", "-p", String(old.port), "-i", pairs.get("rsa")!.file, "-l", old.user];
            const lax = [
                "BatchMode=yes",
                "StrictHostKeyChecking=no",
                "UserKnownHostsFile=/dev/null",
                "LogLevel=ERROR",
            ];
            const sha1 = "PubkeyAcceptedAlgorithms=ssh-rsa";
            const options = [...lax, sha1].flatMap((option) => ["-o", option]);
            expect(execFileSync("ssh", [...ssh, ...options, "127.0.0.1", "echo in"]).toString()).to.equal(
                "in\n",
            );
        });

        // ssh2 takes SHA-1 when a server other than OpenSSH announces nothing better; none such is at hand.
        it("signs with SHA-2 only, whoever asks", () => {
            const key = utils.parseKey(pairs.get("rsa")!.privateKey) as ParsedKey;
            const auth = firstAuth(new Login({ user: "u", key })) as { key: ParsedKey };
            const data = Buffer.from("data");
            expect(auth.key.sign(data, "sha1"))
                .to.be.instanceOf(Error)
                .with.property("message")
                .includes("SHA-1");
            expect(auth.key.sign(data)).to.be.instanceOf(Error);
            expect(key.verify(data, auth.key.sign(data, "sha512"), "sha512")).to.equal(true);
        });

        it("has an agent sign with SHA-2 only, whoever asks", async () => {
            const socket = join(keys.path, "sha1-agent");
            const agent = await startAgent(socket, [pairs.get("rsa")!]);
            try {
                const key = utils.parseKey(pairs.get("rsa")!.privateKey) as ParsedKey;
                const auth = firstAuth(new Login({ user: "u", agentSocketPath: socket })) as {
                    agent: OpenSSHAgent;
                };
                const sign = (hash: "sha1" | "sha256") =>
                    new Promise<unknown>((resolve) => {
                        auth.agent.sign(key, Buffer.from("data"), { hash }, (error, signature) => {
                            resolve(error ?? signature);
                        });
                    });
                expect(await sign("sha1")).to.be.instanceOf(Error);
                expect(await sign("sha256")).to.be.instanceOf(Buffer);
            } finally {
                await stopProcess(agent);
            }
        });

        function firstAuth(login: Login): unknown {
            let auth: unknown;
            login.handler(["publickey"], false, (next) => (auth = next));
            return auth;
        }
    });

    describe("with accounts and PAM", () => {
        const user = "snapshot-tester";
        before(function () {
            const ready = process.platform === "linux" && process.getuid?.() === 0;
            if (ready) {
                return;
            }
            if (process.env.CI === "true") {
                throw new Error("needs root on Linux");
            }
            this.skip();
        });

        async function withSshd(
            config: string[],
            act: (server: Sshd) => Promise<void>,
            more: Partial<NonNullable<SshdOptions["account"]>> = {},
        ): Promise<void> {
            const server = await Sshd.start(keys, {
                hostKeys: [hostKey],
                authorized: [pairs.get("ed25519")!],
                config,
                account: { user, password: PASSWORD, ...more },
            });
            try {
                await act(server);
            } finally {
                await server.stop();
            }
        }
        const byPassword = ["PasswordAuthentication yes"];
        const byQuestions = ["KbdInteractiveAuthentication yes"];

        it("by password", () =>
            withSshd(byPassword, (server) => expectLogin(to(server, { password: PASSWORD }))));

        it("by a password that answers questions", () =>
            withSshd(byQuestions, (server) => expectLogin(to(server, { password: PASSWORD }))));

        it("by password after a private key that was refused", () =>
            withSshd(byPassword, (server) =>
                expectLogin(to(server, { password: PASSWORD, privateKey: stranger.privateKey })),
            ));

        for (const order of ["publickey,password", "password,publickey"]) {
            it(`by both, where the server wants ${order}`, () =>
                withSshd([...byPassword, `AuthenticationMethods ${order}`], (server) =>
                    expectLogin(
                        to(server, { password: PASSWORD, privateKey: pairs.get("ed25519")!.privateKey }),
                    ),
                ));
        }

        it("refuses a wrong password at once", () =>
            withSshd([...byPassword, ...byQuestions], async (server) => {
                const error = await expectRefused(to(server, { password: "wrong" }));
                expect(error.message).to.include("tried password, password by keyboard-interactive");
                expect(error.message).to.include("offers publickey, password, keyboard-interactive");
                expect(error.message).to.not.include("wrong");
            }));

        it("refuses an unknown user at once", () =>
            withSshd(byPassword, async (server) => {
                await expectRefused({ ...to(server, { password: PASSWORD }), user: "nobody-knows" });
            }));

        it("waits while the host says that it is still booting, and names what it says", () =>
            withSshd(
                byPassword,
                async (server) => {
                    const error: unknown = await connect(
                        to(server, { password: PASSWORD }),
                        options(10_000),
                    ).catch((reason: unknown) => reason);
                    if (!(error instanceof SshError)) {
                        throw error;
                    }
                    expect(error.code).to.equal("SSH_UNREACHABLE");
                    expect(error.message).to.include("still booting").and.include("System is booting up");
                    expect(error.message).to.match(/gave up after \d+ tries/);
                },
                { nologin: "System is booting up. Unprivileged users are not permitted to log in yet.\n" },
            ));

        describe("where a key is not enough", () => {
            const both = [...byQuestions, "AuthenticationMethods publickey,keyboard-interactive"];
            const byKey = (server: Sshd) => to(server, { privateKey: pairs.get("ed25519")!.privateKey });

            it("in general, but nothing is asked of this account", () =>
                withSshd(both, (server) => expectLogin(byKey(server)), { auth: ["pam_permit.so"] }));

            it("and something is asked: says that the key was good, and what is asked", () =>
                withSshd(both, async (server) => {
                    const error = await expectRefused(byKey(server));
                    expect(error.message)
                        .to.match(
                            /the server took the private key \(ssh-ed25519 SHA256:\S+\), and wants more/,
                        )
                        .and.include('the server asks "Password: "')
                        .and.include("offers keyboard-interactive");
                    expect(error.remedy).to.include("give what it asks for besides");
                }));

            it("and a password answers", () =>
                withSshd(both, (server) => expectLogin({ ...byKey(server), password: PASSWORD })));
        });

        it("to an account that has expired: at once, with what PAM says", () =>
            withSshd(
                [],
                async (server) => {
                    const error = await expectRefused(
                        to(server, { privateKey: pairs.get("ed25519")!.privateKey }),
                    );
                    expect(error.message).to.include("Your account has expired");
                    expect(error.remedy).to.include("chage -l");
                },
                { expired: true },
            ));
    });
});
