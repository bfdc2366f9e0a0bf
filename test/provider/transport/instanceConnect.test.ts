import { expect } from "chai";
import { awsAccess } from "../../../provider/aws/awsAccess";
import { clientsFor } from "../../../provider/aws/clients";
import type { SnapshotError } from "../../../provider/base/errors";
import { newKey } from "../../../provider/transport/instanceConnect";
import { connect, SshError, type SshSettings } from "../../../provider/transport/ssh/connection";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { freePort } from "../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair } from "../../../lab/hosts/sshServer";
import { rejection } from "../../../lab/rejection";

const SEND = "SendSSHPublicKey";

describe("keys of EC2 Instance Connect", function () {
    this.timeout(60_000);
    let cloud: LocalCloud;
    let restore: () => void;
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let sshd: Sshd;
    let instanceId: string;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        ({ instanceId } = await cloud.createInstance({ volumes: 1 }));
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        sshd = await Sshd.start(keys, {
            hostKeys: [hostKey],
            authorized: [],
            config: cloud.instanceConnectConfig(instanceId),
        });
    });
    afterEach(async () => {
        await cloud.reset();
        await cloud.clearCalls();
    });
    after(async () => {
        restore();
        await sshd.stop();
        keys.remove();
    });

    async function open(
        changes: Partial<SshSettings> = {},
        { timeoutMs = 30_000, to = instanceId, signal = new AbortController().signal } = {},
    ) {
        const settings = {
            host: "127.0.0.1",
            port: sshd.port,
            user: sshd.user,
            hostKey: hostKey.publicLine,
            instanceConnect: true,
            ...changes,
        };
        const aws = awsAccess(await clientsFor());
        return await connect(settings, { timeoutMs, signal, log: () => undefined, aws, instanceId: to });
    }

    async function sends(): Promise<Record<string, unknown>[]> {
        const calls = await cloud.calls();
        return calls.filter(({ operation }) => operation === SEND).map(({ parameters }) => parameters);
    }

    async function failure(opening: ReturnType<typeof open>): Promise<SshError> {
        const error = await rejection(opening);
        if (!(error instanceof SshError)) {
            throw error;
        }
        return error;
    }

    it("log in, each with a key of its own that nobody has after a minute", async () => {
        for (const word of ["one", "two"]) {
            const connection = await open();
            const channel = await connection.exec(`echo ${word}`);
            expect(await channel.nextLine(20_000)).to.equal(word);
            await connection.close();
        }
        // On a busy machine sshd may need more than one try, and each has a key of its own.
        const sent = await sends();
        expect(sent.length).to.be.at.least(2);
        for (const { InstanceId, InstanceOSUser } of sent) {
            expect([InstanceId, InstanceOSUser]).to.deep.equal([instanceId, sshd.user]);
        }
        expect(new Set(sent.map(({ SSHPublicKey }) => SSHPublicKey)).size).to.equal(sent.length);
        expect(await cloud.sentKeys(instanceId, sshd.user)).to.have.length(sent.length);
        await cloud.passTimeOfKeys(61);
        expect(await cloud.sentKeys(instanceId, sshd.user)).to.deep.equal([]);
    });

    it("are whole, every one of them", () => {
        // ssh2's own maker spoils one in two hundred.
        for (let count = 0; count < 1_000; count += 1) {
            expect(newKey().getPublicSSH()).to.have.length(51);
        }
    });

    it("are sent before each try", async () => {
        const error = await failure(open({ port: await freePort() }, { timeoutMs: 1_500 }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        const tries = Number(/gave up after (\d+) tries/.exec(error.message)?.[1]);
        expect(tries).to.be.greaterThan(1);
        // The last one may have come when the time was over.
        expect((await sends()).length).to.be.within(tries, tries + 1);
    });

    it("go by a program, too", async () => {
        const tunnel = { via: "command", command: ["busybox", "nc", "%h", "%p"] } as const;
        await (await open({ tunnel })).close();
    });

    it("are the only thing that is tried, whatever agent there is", async () => {
        process.env["SSH_AUTH_SOCK"] = "/nowhere/agent";
        try {
            const bare = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [] });
            try {
                const error = await failure(open({ port: bare.port }));
                expect(error).to.include({ code: "SSH_LOGIN_REFUSED", transient: false });
                expect(error.what).to.match(/tried the key that EC2 Instance Connect has taken;/);
                for (const word of ["package ec2-instance-connect", "account of `user`", "IMDSv2"]) {
                    expect(error.remedy).to.include(word);
                }
            } finally {
                await bare.stop();
            }
        } finally {
            delete process.env["SSH_AUTH_SOCK"];
        }
    });

    it("of which nothing is told, when they are refused", async () => {
        const bare = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [] });
        try {
            const error = await failure(open({ port: bare.port }));
            const [{ SSHPublicKey = "" } = {}] = (await sends()) as { SSHPublicKey?: string }[];
            const [, body = ""] = SSHPublicKey.split(" ");
            expect(body).to.have.length.greaterThan(60);
            expect(`${error.message} ${error.remedy} ${error.stack ?? ""}`)
                .not.to.include(body)
                .and.not.to.match(/SHA256:|PRIVATE/);
        } finally {
            await bare.stop();
        }
    });

    const refusals: [what: string, code: string, as: string][] = [
        ["credentials without access", "AuthException", "ACCESS_DENIED"],
        ["no permission", "AccessDeniedException", "ACCESS_DENIED"],
        ["an expired session", "ExpiredTokenException", "CREDENTIALS"],
        ["arguments", "InvalidArgsException", "AWS_ERROR"],
    ];
    for (const [what, code, as] of refusals) {
        it(`are refused for good for ${what}`, async () => {
            await cloud.fault(SEND, { kind: "error", code, message: "not for you" }, { times: null });
            const error = await rejection<SnapshotError>(open());
            expect(error.code).to.equal(as);
            expect(error.message).to.include("ec2-instance-connect:SendSSHPublicKey");
            expect(await sends()).to.have.length(1);
        });
    }

    it("are refused for an instance that is not there", async () => {
        const error = await rejection<SnapshotError>(open({}, { to: "i-0aaaaaaaaaaaaaaaa" }));
        expect(error.code).to.equal("INSTANCE_NOT_FOUND");
        expect(error.message).to.include("i-0aaaaaaaaaaaaaaaa");
    });

    it("are sent again while the instance starts, and not longer than `connect` allows", async () => {
        await cloud.setInstanceState(instanceId, "pending");
        const error = await failure(open({}, { timeoutMs: 1_000 }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        expect(error.message).to.match(/does not take a key now.*not in a valid state.*gave up after/);
        const opening = open();
        await cloud.fault(SEND, { kind: "delay", ms: 0 }).then((met) => met.reached());
        await cloud.setInstanceState(instanceId, "running");
        await (await opening).close();
    });

    it("that AWS throttles reach ten instances within `connect`", async () => {
        await cloud.throttle(SEND, { rate: 4, burst: 2 });
        const opened = await Promise.all(Array.from({ length: 10 }, () => open()));
        await Promise.all(opened.map((connection) => connection.close()));
        const codes = (await cloud.calls()).map(({ code }) => code);
        expect(codes).to.include("ThrottlingException");
    });

    it("that AWS takes no time to answer for are given up, and that is told", async () => {
        await cloud.fault(SEND, { kind: "never" }, { times: null });
        const error = await failure(open({}, { timeoutMs: 1_000 }));
        expect(error.message).to.include("EC2 Instance Connect: no answer within 1 s");
    });
});
