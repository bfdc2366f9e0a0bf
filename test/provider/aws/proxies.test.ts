import { expect } from "chai";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server as TlsServer } from "node:tls";
import { promisify } from "node:util";
import { RequestError, Server } from "proxy-chain";
import { accountOf, clientsFor } from "../../../provider/aws/clients";
import type { LocalCloud } from "../../../lab/cloud/localCloud";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { rejection } from "../../../lab/rejection";

const PROXY_USER = "ci:hunter2";
const signal = new AbortController().signal;
const script = require.resolve("../../../lab/cloud/whoAmI.ts");

// By a proxy that nobody here wrote (proxy-chain). It lets through what names it, and refuses the rest.
describe("proxies", () => {
    let cloud: LocalCloud;
    let restore: () => void;
    let folder: string;
    let proxy: Server;
    let tls: TlsServer;
    const seen: string[] = [];

    before(async () => {
        cloud = await sharedCloud();
        folder = mkdtempSync(join(tmpdir(), "proxies-"));
        proxy = new Server({
            host: "127.0.0.1",
            port: 0,
            prepareRequestFunction: ({ hostname, port, isHttp, username, password }) => {
                seen.push(`${isHttp ? "http" : "connect"} ${hostname}:${port}`);
                if (`${username}:${password}` !== PROXY_USER) {
                    return { requestAuthentication: true };
                }
                if (hostname === "forbidden.example") {
                    throw new RequestError("Not this one.", 403);
                }
                return {};
            },
        });
        await proxy.listen();
        tls = await tlsInFrontOf(new URL(cloud.endpoint));
    });
    beforeEach(() => {
        seen.length = 0;
        restore = useCloud(cloud);
    });
    afterEach(() => restore());
    after(async () => {
        await proxy.close(true);
        tls.close();
        rmSync(folder, { recursive: true, force: true });
    });

    /** AWS speaks TLS; the local cloud does not. */
    async function tlsInFrontOf({ hostname, port }: URL): Promise<TlsServer> {
        const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
        execFileSync(
            "openssl",
            [
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                ...subject,
                ...files,
            ],
            { stdio: "ignore" },
        );
        const server = createServer(
            { key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "cert.pem")) },
            (socket) => {
                const upstream = connect(Number(port), hostname);
                socket.pipe(upstream).pipe(socket);
                socket.on("error", () => upstream.destroy());
                upstream.on("error", () => socket.destroy());
            },
        ).listen(0, "127.0.0.1");
        await once(server, "listening");
        return server;
    }

    const proxyUrl = (user = PROXY_USER) => `http://${user}@127.0.0.1:${proxy.port}`;
    const account = async (config: Record<string, string>, env: NodeJS.ProcessEnv = {}) =>
        await accountOf(await clientsFor({}, config, { ...process.env, ...env }), signal);

    it("of the environment are used", async () => {
        expect(await account({}, { HTTP_PROXY: proxyUrl() })).to.equal("123456789012");
        expect(seen).to.include(`http 127.0.0.1:${new URL(cloud.endpoint).port}`);
    });

    it("of the stack's config are used", async () => {
        expect(await account({ "aws:httpProxy": proxyUrl() })).to.equal("123456789012");
        expect(seen).to.have.length.greaterThan(0);
    });

    it("are left aside for what NO_PROXY names", async () => {
        const env = { HTTP_PROXY: proxyUrl(), NO_PROXY: "127.0.0.1" };
        expect(await account({}, env)).to.equal("123456789012");
        expect(seen).to.deep.equal([]);
    });

    it("are used for roles on the way to credentials, too", async () => {
        const roles = [{ roleArn: "arn:aws:iam::210987654321:role/backup" }];
        const config = { "aws:assumeRoles": JSON.stringify(roles), "aws:httpProxy": proxyUrl() };
        expect(await account(config)).to.equal("210987654321");
        // Over one connection, or two.
        expect(seen.length).to.be.greaterThan(0);
        await cloud.clearCalls();
    });

    it("that want a login say so, without the password", async () => {
        const error = await rejection(account({ "aws:httpProxy": proxyUrl("ci:wrong-word") }));
        expect(error.message).not.to.include("wrong-word");
        expect(seen.length).to.be.greaterThan(0);
    });

    it("carry TLS", async () => {
        const { port } = tls.address() as { port: number };
        const endpoint = `https://127.0.0.1:${port}`;
        const config = { "aws:endpoints": JSON.stringify([{ ec2: endpoint, sts: endpoint, ssm: endpoint }]) };
        const { stdout } = await promisify(execFile)(
            process.execPath,
            ["--import", "tsx", script, JSON.stringify(config)],
            {
                env: {
                    ...process.env,
                    HTTPS_PROXY: proxyUrl(),
                    NODE_EXTRA_CA_CERTS: join(folder, "cert.pem"),
                },
                timeout: 60_000,
            },
        );
        expect(stdout).to.equal("123456789012\n");
        expect(seen).to.deep.equal([`connect 127.0.0.1:${port}`]);
    });
});
