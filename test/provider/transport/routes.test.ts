import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { awsAccess } from "../../../provider/aws/awsAccess";
import { clientsFor } from "../../../provider/aws/clients";
import {
    type AwsAccess,
    connect,
    type ConnectOptions,
    SshError,
    type SshConnection,
    type SshSettings,
} from "../../../provider/transport/ssh/connection";
import { ROOT } from "../../../lab/engine/engine";
import { setupSessionClient } from "../../../lab/setup/setupSessionClient.mjs";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { ConnectEndpoint } from "../../../lab/hosts/connectEndpoint";
import { startConnectEndpoint } from "../../../lab/scenes/connectEndpointScene";
import { startSessionScene } from "../../../lab/scenes/sessionScene";
import { Relay, type RelayOptions } from "../../../lab/hosts/relay";
import { freePort } from "../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair } from "../../../lab/hosts/sshServer";

interface RouteUnderTest {
    /** Starts what the route needs, and gives what leads to a port by it. */
    start(lab: Lab): Promise<Lead>;
    /** A try that fails takes so long at most. Default 1000. */
    readonly tryMs?: number;
    /** What is needed, where it is not always there; undefined: it is not. */
    readonly program?: string | undefined;
}

/** `instance`: with a `host` and a `port`, as TCP takes them. */
type Lead = (
    instance: SshSettings & { port: number },
) => SshSettings & Pick<ConnectOptions, "aws" | "instanceId">;

/** Keys and servers that are there for all routes. */
interface Lab {
    readonly keys: KeyFolder;
    readonly hostKey: KeyPair;
    readonly userKey: KeyPair;
    /** Called when the route's tests are over. */
    readonly atEnd: (cleanUp: () => unknown) => void;
}

const sessionClient = setupSessionClient({ root: ROOT, log: () => undefined });

const ROUTES: Readonly<Record<string, RouteUnderTest>> = {
    tcp: { start: () => Promise.resolve((instance) => instance) },
    bastion: {
        start: async ({ keys, hostKey, userKey, atEnd }) => {
            const bastion = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
            atEnd(() => bastion.stop());
            return (instance) => ({ ...instance, proxy: { ...instance, port: bastion.port } });
        },
    },
    "command nc": {
        start: () => Promise.resolve(byCommand("busybox", "nc", "%h", "%p")),
    },
    "command ssh -W": {
        start: async (lab) => {
            const { bastion, words } = await sshTo(lab);
            return byCommand(...words, "-W", "%h:%p", bastion);
        },
    },
    "command that greets first": {
        start: () =>
            Promise.resolve(
                byCommand("sh", "-c", `printf '\nStarting session\n'; exec busybox nc "$0" "$1"`, "%h", "%p"),
            ),
    },
    "session-manager": {
        tryMs: 8_000,
        start: async ({ atEnd }) => {
            const { aws, instanceId, stop } = await startSessionScene();
            atEnd(stop);
            return ({ host, ...instance }) => ({
                ...instance,
                aws,
                instanceId,
                tunnel: { via: "session-manager" },
            });
        },
    },
    // A client that nobody here wrote, against the local cloud's data channel: what it stands, others do.
    "command by another client of Session Manager": {
        tryMs: 8_000,
        program: sessionClient,
        start: async ({ atEnd }) => {
            const { aws, instanceId, stop } = await startSessionScene();
            atEnd(stop);
            const words = [sessionClient ?? "", instanceId, "%p"];
            return (instance) => ({ ...instance, aws, tunnel: { via: "command", command: words } });
        },
    },
    "bastion by session-manager": {
        tryMs: 8_000,
        start: async ({ keys, hostKey, userKey, atEnd }) => {
            const { aws, instanceId, stop } = await startSessionScene();
            atEnd(stop);
            const bastion = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
            atEnd(() => bastion.stop());
            const tunnel = { via: "session-manager", instanceId } as const;
            return (instance) => {
                const { host, ...login } = instance;
                return { ...instance, aws, proxy: { ...login, port: bastion.port, tunnel } };
            };
        },
    },
    "instance-connect-endpoint": {
        start: async ({ atEnd }) => {
            const { endpoint, aws, instanceId } = await endpointTo(atEnd);
            return ({ host, port, ...instance }) => {
                endpoint.leadTo(port);
                return { ...instance, aws, instanceId, tunnel: { via: "instance-connect-endpoint" } };
            };
        },
    },
    "bastion by instance-connect-endpoint": {
        start: async ({ keys, hostKey, userKey, atEnd }) => {
            const { endpoint, aws, instanceId } = await endpointTo(atEnd);
            const bastion = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
            atEnd(() => bastion.stop());
            endpoint.leadTo(bastion.port);
            const tunnel = { via: "instance-connect-endpoint", instanceId } as const;
            return (instance) => {
                const { host, port, ...login } = instance;
                return { ...instance, aws, proxy: { ...login, tunnel } };
            };
        },
    },
    "bastion by command": {
        start: async ({ keys, hostKey, userKey, atEnd }) => {
            const bastion = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
            atEnd(() => bastion.stop());
            const tunnel = { via: "command", command: ["busybox", "nc", "%h", "%p"] } as const;
            return (instance) => ({ ...instance, proxy: { ...instance, port: bastion.port, tunnel } });
        },
    },
};

function byCommand(...command: string[]): Lead {
    return (instance) => ({ ...instance, tunnel: { via: "command", command } });
}

/** An instance in the local cloud, with an endpoint in its VPC. */
async function endpointTo(
    atEnd: Lab["atEnd"],
): Promise<{ endpoint: ConnectEndpoint; aws: AwsAccess; instanceId: string }> {
    const cloud = await sharedCloud();
    atEnd(useCloud(cloud));
    atEnd(() => cloud.reset());
    const { endpoint, instanceId } = await startConnectEndpoint(cloud);
    atEnd(ConnectEndpoint.trust());
    atEnd(() => endpoint.stop());
    return { endpoint, instanceId, aws: awsAccess(await clientsFor()) };
}

/** OpenSSH's client, with a server of its own that it goes to. */
async function sshTo({ keys, hostKey, userKey, atEnd }: Lab): Promise<{ words: string[]; bastion: string }> {
    const server = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
    atEnd(() => server.stop());
    const known = keys.file("known_hosts", `[127.0.0.1]:${server.port} ${hostKey.publicLine}\n`);
    const words = ["ssh", "-F", "none", "-i", userKey.file, "-o", "BatchMode=yes"];
    return {
        words: [...words, "-o", `UserKnownHostsFile=${known}`, "-p", String(server.port)],
        bastion: `${server.user}@127.0.0.1`,
    };
}

for (const [name, route] of Object.entries(ROUTES)) {
    // What every route to a host's SSH port has to stand.
    describe(`route ${name}`, () => {
        let keys: KeyFolder;
        let hostKey: KeyPair;
        let userKey: KeyPair;
        let sshd: Sshd;
        let lead: Lead;
        const atEnd: (() => unknown)[] = [];
        const cleanUps: (() => unknown)[] = [];

        before(async function () {
            if ("program" in route && route.program === undefined) {
                this.skip();
            }
            keys = new KeyFolder();
            atEnd.push(() => keys.remove());
            hostKey = keys.make("ed25519");
            userKey = keys.make("ed25519");
            sshd = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
            atEnd.push(() => sshd.stop());
            lead = await route.start({
                keys,
                hostKey,
                userKey,
                atEnd: (cleanUp) => void atEnd.push(cleanUp),
            });
        });
        afterEach(() => runAll(cleanUps));
        after(() => runAll(atEnd));

        async function runAll(list: (() => unknown)[]): Promise<void> {
            for (const cleanUp of list.splice(0).reverse()) {
                await cleanUp();
            }
        }

        async function open(
            port: number,
            { timeoutMs = 30_000, keepaliveMs = 5_000 } = {},
        ): Promise<SshConnection> {
            const instance = {
                host: "127.0.0.1",
                port,
                user: sshd.user,
                privateKey: userKey.privateKey,
                hostKey: hostKey.publicLine,
            };
            const signal = new AbortController().signal;
            const { aws, instanceId, ...settings } = lead(instance);
            const options = {
                timeoutMs,
                signal,
                log: () => undefined,
                keepaliveMs,
                ...(aws === undefined ? {} : { aws }),
                ...(instanceId === undefined ? {} : { instanceId }),
            };
            const connection = await connect(settings, options);
            cleanUps.push(() => connection.close());
            return connection;
        }

        async function relay(options?: RelayOptions): Promise<Relay> {
            const made = await Relay.to(sshd.port, options);
            cleanUps.push(() => made.close());
            return made;
        }

        async function failure(opening: Promise<SshConnection>): Promise<SshError> {
            const error: unknown = await opening.then(
                () => new Error("it connected"),
                (reason: unknown) => reason,
            );
            if (!(error instanceof SshError)) {
                throw error as Error;
            }
            return error;
        }

        async function expectEcho(connection: SshConnection): Promise<void> {
            const channel = await connection.exec("cat");
            for (const word of ["one", "two"]) {
                channel.write(`${word}\n`);
                expect(await channel.nextLine(20_000)).to.equal(word);
            }
        }

        /** A command that writes a file when its input ends. Resolves with what waits for that. */
        async function untilInputEnds(connection: SshConnection): Promise<() => Promise<void>> {
            const file = join(keys.path, `ended-${Math.random().toString(36).slice(2)}`);
            const channel = await connection.exec(`echo ready; cat >/dev/null; echo ended >${file}`);
            expect(await channel.nextLine(20_000)).to.equal("ready");
            return async () => {
                const giveUp = performance.now() + 20_000;
                const ended = () => {
                    try {
                        return readFileSync(file, "utf8") === "ended\n";
                    } catch {
                        return false;
                    }
                };
                while (!ended()) {
                    expect(performance.now(), "the host notices").to.be.lessThan(giveUp);
                    await sleep(20);
                }
            };
        }

        it("logs in, talks, and ends when it is asked to", async () => {
            const connection = await open(sshd.port);
            await expectEcho(connection);
            const inputEnds = await untilInputEnds(connection);
            await connection.close();
            expect((await connection.closed).asked).to.equal(true);
            await inputEnds();
        });

        it("carries a megabyte out, and in", async () => {
            const connection = await open(sshd.port);
            const out = await connection.exec(
                "yes 0123456789abcdef | head -n 15000; echo out; head -c 1000000 | wc -c; echo in",
            );
            let line: string | undefined;
            let count = 0;
            while ((line = await out.nextLine(20_000)) === "0123456789abcdef") {
                count++;
            }
            expect([count, line]).to.deep.equal([15_000, "out"]);
            out.write("x".repeat(1_000_000));
            expect(await out.nextLine(20_000)).to.equal("1000000");
            expect(await out.nextLine(20_000)).to.equal("in");
        });

        it("carries pieces of one byte", async () => {
            await expectEcho(await open((await relay({ bytewise: true })).port));
        });

        it("may be slow", async () => {
            await expectEcho(await open((await relay({ delayMs: 100 })).port));
        });

        it("is tried again while nobody listens, and given up in time", async () => {
            const error = await failure(open(await freePort(), { timeoutMs: route.tryMs ?? 1_000 }));
            expect(error).to.include({ code: "SSH_UNREACHABLE", where: "instance" });
            expect(error.message).to.match(/refused.*gave up after \d+ tr/is);
        });

        it("is given up in time when nobody answers", async () => {
            const silent = await relay();
            silent.silence();
            const error = await failure(open(silent.port, { timeoutMs: 1_500 }));
            expect(error).to.include({ code: "SSH_UNREACHABLE", where: "instance" });
            expect(error.message).to.include("no answer within");
        });

        for (const how of ["reset", "end"] as const) {
            it(`is cut (${how}): both sides notice at once`, async () => {
                const way = await relay();
                const connection = await open(way.port, { keepaliveMs: 600_000 });
                const inputEnds = await untilInputEnds(connection);
                way[how]();
                expect((await connection.closed).asked).to.equal(false);
                await inputEnds();
            });
        }

        it("is cut without a word: we notice by the keepalive", async () => {
            const way = await relay();
            const connection = await open(way.port, { keepaliveMs: 1_000 });
            const channel = await connection.exec("cat");
            way.silence();
            const { asked, reason } = await connection.closed;
            expect(asked).to.equal(false);
            expect(reason).to.match(/keepalive/i);
            expect(await channel.exit).to.deep.equal({});
        });

        it("is closed within a bound though nobody answers any more", async () => {
            const way = await relay();
            const connection = await open(way.port);
            way.silence();
            const from = performance.now();
            await connection.close();
            expect(performance.now() - from).to.be.lessThan(10_000);
            expect((await connection.closed).asked).to.equal(true);
        });
    });
}
