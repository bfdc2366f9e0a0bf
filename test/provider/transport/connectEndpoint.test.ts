import { expect } from "chai";
import { Server as Proxy } from "proxy-chain";
import { awsAccess } from "../../../provider/aws/awsAccess";
import { clientsFor } from "../../../provider/aws/clients";
import type { SnapshotError } from "../../../provider/base/errors";
import { connect, SshError } from "../../../provider/transport/ssh/connection";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { ConnectEndpoint } from "../../../lab/hosts/connectEndpoint";
import { freePort } from "../../../lab/hosts/freePort";
import { KeyFolder, Sshd, type KeyPair } from "../../../lab/hosts/sshServer";
import { rejection } from "../../../lab/rejection";
import { type Place, startConnectEndpoint } from "../../../lab/scenes/connectEndpointScene";

// What only this route can meet; what all of them have to stand is in routes.test.ts.
describe("an EC2 Instance Connect Endpoint", function () {
    this.timeout(60_000);
    let cloud: LocalCloud;
    let keys: KeyFolder;
    let hostKey: KeyPair;
    let userKey: KeyPair;
    let sshd: Sshd;
    let endpoint: ConnectEndpoint;
    let endpointId: string;
    let instanceId: string;
    let place: Place;
    const restore: (() => unknown)[] = [];

    before(async () => {
        cloud = await sharedCloud();
        restore.push(useCloud(cloud));
        keys = new KeyFolder();
        hostKey = keys.make("ed25519");
        userKey = keys.make("ed25519");
        sshd = await Sshd.start(keys, { hostKeys: [hostKey], authorized: [userKey] });
    });
    beforeEach(async () => {
        restore.push(ConnectEndpoint.trust());
        ({ endpoint, endpointId, instanceId, place } = await startConnectEndpoint(cloud));
        endpoint.leadTo(sshd.port);
    });
    afterEach(async () => {
        restore.pop()?.();
        await endpoint.stop();
        await cloud.reset();
        await cloud.clearCalls();
    });
    after(async () => {
        restore.pop()?.();
        await sshd.stop();
        keys.remove();
    });

    async function open({ timeoutMs = 30_000, config = {}, env = {}, id = "" } = {}) {
        const tunnel = {
            via: "instance-connect-endpoint",
            ...(id === "" ? {} : { endpointId: id }),
        } as const;
        const aws = awsAccess(await clientsFor({}, config, { ...process.env, ...env }));
        const signal = new AbortController().signal;
        const settings = { user: sshd.user, privateKey: userKey.privateKey, tunnel };
        return await connect(settings, { timeoutMs, signal, log: () => undefined, aws, instanceId });
    }

    const failure = async (opening: ReturnType<typeof open>) => await rejection<SshError>(opening);

    async function untilNoneLeft(): Promise<void> {
        const giveUp = performance.now() + 10_000;
        while (endpoint.tunnels > 0 && performance.now() < giveUp) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        expect(endpoint.tunnels).to.equal(0);
    }

    it("is asked for port 22 of the instance, by a signature that AWS would take, and leaves no tunnel", async () => {
        const connection = await open();
        expect(endpoint.tunnels).to.equal(1);
        const [asked] = endpoint.asked;
        expect(asked).to.include({
            instanceConnectEndpointId: endpointId,
            remotePort: "22",
            maxTunnelDuration: "3600",
        });
        expect(asked?.["privateIpAddress"]).to.match(/^\d+\.\d+\.\d+\.\d+$/);
        await connection.close();
        await untilNoneLeft();
    });

    it("takes the credentials of a role, and new ones for the next tunnel", async () => {
        const config = {
            "aws:assumeRoles": JSON.stringify([{ roleArn: "arn:aws:iam::123456789012:role/ci" }]),
        };
        // Shorter than the SDK lets them end, so that they are renewed each time.
        await cloud.setRoleDuration(60);
        for (let count = 0; count < 2; count += 1) {
            await (await open({ config })).close();
        }
        const roles = (await cloud.calls()).filter(({ operation }) => operation === "AssumeRole");
        expect(roles.length).to.be.greaterThan(1);
    });

    const refusals: [what: string, status: number, code: string, as: string][] = [
        ["without permission", 403, "AccessDeniedException", "ACCESS_DENIED"],
        ["with a token that has expired", 403, "ExpiredTokenException", "CREDENTIALS"],
        ["with a wrong signature", 403, "InvalidSignatureException", "CREDENTIALS"],
        ["for another reason", 400, "InvalidParameter", "TUNNEL_FAILED"],
    ];
    for (const [what, status, code, as] of refusals) {
        it(`refuses a tunnel ${what}, and its words are told`, async () => {
            endpoint.refuseNext({ status, code, message: "because of me" });
            const error = await rejection<SnapshotError | SshError>(open());
            expect(error.code).to.equal(as);
            expect(error.message)
                .to.include(`refuses the tunnel (HTTP ${status}): ${code}: because of me (request `)
                .and.not.to.match(/X-Amz|Signature=/);
            expect(endpoint.asked).to.have.length(1);
        });
    }

    it("is not fooled by a wrong secret", async () => {
        const error = await rejection<SnapshotError>(
            open({ config: { "aws:accessKey": cloud.accessKeyId, "aws:secretKey": "x" } }),
        );
        expect(error.code).to.equal("CREDENTIALS");
        expect(error.message).to.include("signature we calculated does not match");
    });

    it("that has as many connections as it can have is tried again", async () => {
        const full = { status: 429, code: "TooManyConnectionsException", message: "full" };
        endpoint.refuseNext(full);
        endpoint.refuseNext(full);
        await (await open()).close();
        expect(endpoint.asked).to.have.length(3);
        for (let count = 0; count < 50; count += 1) {
            endpoint.refuseNext(full);
        }
        const error = await failure(open({ timeoutMs: 1_000 }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        expect(error.message).to.match(
            /HTTP 429\): TooManyConnectionsException: full.*gave up after \d+ tries/,
        );
    });

    it("closes a tunnel with a reason, which is told", async () => {
        const connection = await open();
        endpoint.closeAll(4001, "The tunnel has reached its maximum duration");
        const { asked, reason } = await connection.closed;
        expect(asked).to.equal(false);
        expect(reason).to.match(
            /eice-\w+ ended: it was closed \(4001\): The tunnel has reached its maximum duration/,
        );
        await untilNoneLeft();
    });

    it("vanishes without a close: that is told at once", async () => {
        const connection = await open();
        endpoint.cutAll();
        expect((await connection.closed).reason).to.include("it was cut");
    });

    it("that sends text is none", async () => {
        const connection = await open();
        endpoint.sendText("hello");
        expect((await connection.closed).reason).to.include("it sent text");
        await untilNoneLeft();
    });

    it("is left within a bound though nothing passes any more", async () => {
        const connection = await open();
        endpoint.silence();
        const from = performance.now();
        await connection.close();
        expect(performance.now() - from).to.be.lessThan(10_000);
    });

    it("that nobody can reach is told so", async () => {
        const gone = await freePort();
        const { endpointId: id } = await cloud.createConnectEndpoint({
            ...place,
            DnsName: `127.0.0.1:${gone}`,
        });
        const error = await failure(open({ timeoutMs: 800, id }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        expect(error.message).to.include(`the endpoint ${id} is not reached: connection refused`);
    });

    it("whose certificate nobody vouches for is refused for good", async () => {
        restore.pop()?.();
        restore.push(() => undefined);
        const error = await failure(open());
        expect(error).to.include({ code: "TUNNEL_FAILED", transient: false });
        expect(error.remedy).to.include("NODE_EXTRA_CA_CERTS");
    });

    it("is missing in the instance's VPC", async () => {
        await cloud.reset();
        await cloud.createConnectEndpoint({
            ...place,
            VpcId: "vpc-0123456789abcdef0",
            DnsName: endpoint.dnsName,
        });
        const error = await rejection<SnapshotError>(open());
        expect(error.code).to.equal("TUNNEL_FAILED");
        expect(error.message).to.include(`in ${place.VpcId}, the VPC of ${instanceId}`);
        expect(error.failure.remedy).to.include(`--subnet-id ${place.SubnetId}`);
    });

    it("that is not there is refused for good", async () => {
        const error = await rejection<SnapshotError>(open({ id: "eice-0123456789abcdef0" }));
        expect(error.message).to.include("eice-0123456789abcdef0");
        expect(endpoint.asked).to.deep.equal([]);
    });

    it("that is being made is waited for, no longer than `connect` allows", async () => {
        const { endpointId: id } = await cloud.createConnectEndpoint({
            ...place,
            State: "create-in-progress",
            DnsName: endpoint.dnsName,
        });
        const error = await failure(open({ timeoutMs: 800, id }));
        expect(error).to.include({ code: "SSH_UNREACHABLE" });
        expect(error.message).to.match(
            /no EC2 Instance Connect Endpoint yet: eice-\w+ is create-in-progress.*gave up/,
        );
    });

    it("is reached by the proxy that requests to AWS go by", async () => {
        const seen: string[] = [];
        const proxy = new Proxy({
            host: "127.0.0.1",
            port: 0,
            prepareRequestFunction: ({ hostname, port }) => {
                seen.push(`${hostname}:${port}`);
                return {};
            },
        });
        await proxy.listen();
        try {
            const connection = await open({ env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } });
            expect(seen).to.deep.equal([endpoint.dnsName]);
            await connection.close();
        } finally {
            await proxy.close(true);
        }
    });
});
