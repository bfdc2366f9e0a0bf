import { execFileSync } from "node:child_process";
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import { madeOnce } from "../madeOnce";

export interface ConnectEndpointOptions {
    readonly region: string;
    /** The secret of an access key; undefined: there is no such key. */
    readonly secretOf: (accessKeyId: string) => Promise<string | undefined>;
}

/** What a refusal says. */
interface Refusal {
    readonly status: number;
    readonly code: string;
    readonly message: string;
}

/** AWS's page on quotas: connections of an endpoint at once. */
const MOST_TUNNELS = 20;
const LONGEST_S = 3600;

/**
 * What an EC2 Instance Connect Endpoint carries: a WebSocket over TLS on loopback, which verifies the signature as AWS
 * documents it (IAM User Guide, "Create a signed AWS API request"; this shares no code with the one who signs), and passes the
 * bytes on to a port that stands for the instance's port 22. The names of the errors, the codes of a close, and what they say
 * are assumed: the AWS CLI shows only that a refusal has an HTTP status and `{"ErrorCode", "Message"}`, and that a close
 * with a code other than 1000 has a reason.
 */
export class ConnectEndpoint {
    /** Parameters of the tunnels that were asked for, without how they were signed. */
    readonly asked: Record<string, string>[] = [];
    readonly #tunnels = new Map<WebSocket, Socket>();
    readonly #refusals: Refusal[] = [];
    #target: number | undefined;
    #silent = false;

    private constructor(
        private readonly server: Server,
        private readonly options: ConnectEndpointOptions,
        readonly port: number,
    ) {}

    static async start(options: ConnectEndpointOptions): Promise<ConnectEndpoint> {
        const folder = certificate();
        const server = createServer({
            key: readFileSync(join(folder, "key.pem")),
            cert: readFileSync(join(folder, "cert.pem")),
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const endpoint = new ConnectEndpoint(server, options, (server.address() as { port: number }).port);
        const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
        server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
            socket.on("error", () => undefined);
            void endpoint.#refusalOf(request).then((refusal) => {
                if (refusal !== undefined) {
                    refuse(socket, refusal);
                } else {
                    sockets.handleUpgrade(request, socket, head, (open) => endpoint.#carry(open));
                }
            });
        });
        return endpoint;
    }

    /** As DescribeInstanceConnectEndpoints names it; on AWS it has no port, which is 443. */
    get dnsName(): string {
        return `127.0.0.1:${this.port}`;
    }

    /** The certificate, for NODE_EXTRA_CA_CERTS. */
    static get certificateFile(): string {
        return join(certificate(), "cert.pem");
    }

    /** Has this process trust the server. @returns what takes that back */
    static trust(): () => void {
        const before = getCACertificates("default");
        setDefaultCACertificates([...before, readFileSync(ConnectEndpoint.certificateFile, "utf8")]);
        return () => setDefaultCACertificates(before);
    }

    get tunnels(): number {
        return this.#tunnels.size;
    }

    /** The port on loopback that stands for the instance's port 22. */
    leadTo(port: number): void {
        this.#target = port;
    }

    /** Of the next one who asks, whoever it is. */
    refuseNext(refusal: Refusal): void {
        this.#refusals.push(refusal);
    }

    /** As when a tunnel's time is over, or the endpoint is deleted. */
    closeAll(code: number, reason: string): void {
        for (const tunnel of this.#tunnels.keys()) {
            tunnel.close(code, reason);
        }
    }

    /** Text, which no tunnel carries. */
    sendText(text: string): void {
        for (const tunnel of this.#tunnels.keys()) {
            tunnel.send(text);
        }
    }

    /** As when the network is gone, for the client: no close. The instance is told nothing, either. */
    cutAll(): void {
        for (const tunnel of this.#tunnels.keys()) {
            tunnel.terminate();
        }
    }

    /** From now on nothing passes either way, and nobody is told. The connection to the instance stays. */
    silence(): void {
        this.#silent = true;
    }

    async stop(): Promise<void> {
        this.cutAll();
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
    }

    async #refusalOf(request: IncomingMessage): Promise<Refusal | undefined> {
        const url = new URL(request.url ?? "", `https://${request.headers.host ?? ""}`);
        const given = Object.fromEntries(url.searchParams);
        this.asked.push(
            Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith("X-Amz-"))),
        );
        return (
            this.#refusals.shift() ??
            (await verify(url, request.headers.host ?? "", this.options)) ??
            wrongParameter(given) ??
            (this.#tunnels.size >= MOST_TUNNELS
                ? {
                      status: 429,
                      code: "TooManyConnectionsException",
                      message: "The endpoint has as many connections as it can have.",
                  }
                : undefined)
        );
    }

    #carry(tunnel: WebSocket): void {
        const instance = connect({
            host: "127.0.0.1",
            port: this.#target ?? 0,
            noDelay: true,
            allowHalfOpen: false,
        });
        this.#tunnels.set(tunnel, instance);
        tunnel.on("error", () => undefined);
        tunnel.on("close", () => {
            this.#tunnels.delete(tunnel);
            if (!this.#silent) {
                instance.destroy();
            }
        });
        tunnel.on("message", (bytes: Buffer) => {
            if (!this.#silent) {
                instance.write(bytes);
            }
        });
        instance.on("data", (bytes: Buffer) => {
            if (!this.#silent) {
                // No backpressure: what tests send fits into memory.
                tunnel.send(bytes, { binary: true });
            }
        });
        instance.on("error", (error: NodeJS.ErrnoException) => {
            tunnel.close(4000, `The connection to the instance failed: ${error.code ?? ""}`);
        });
        instance.on("end", () => tunnel.close(1000));
        instance.on("close", () => tunnel.close(1000));
    }
}

/** As AWS refuses ports since 2023 (seen by others: aidansteele/rdsconn issue 5), and longer tunnels. */
function wrongParameter(given: Readonly<Record<string, string>>): Refusal | undefined {
    const {
        remotePort,
        maxTunnelDuration = String(LONGEST_S),
        instanceConnectEndpointId,
        privateIpAddress,
    } = given;
    const refusal = (message: string) => ({ status: 400, code: "InvalidParameter", message });
    if (remotePort !== "22" && remotePort !== "3389") {
        return refusal(
            "The specified RemotePort is not valid. Specify either 22 or 3389 as the RemotePort and retry.",
        );
    }
    if (!(Number(maxTunnelDuration) >= 1 && Number(maxTunnelDuration) <= LONGEST_S)) {
        return refusal("The specified MaxTunnelDuration is not valid.");
    }
    return instanceConnectEndpointId === undefined || privateIpAddress === undefined
        ? refusal("A parameter is missing.")
        : undefined;
}

/** Tolerance of a signer's clock: IAM User Guide, "Troubleshoot signed requests". */
const SKEW_MS = 5 * 60_000;

async function verify(
    url: URL,
    host: string,
    { region, secretOf }: ConnectEndpointOptions,
): Promise<Refusal | undefined> {
    const refusal = (code: string, message: string) => ({ status: 403, code, message });
    const get = (name: string) => url.searchParams.get(name) ?? "";
    const [accessKeyId = "", ...scope] = get("X-Amz-Credential").split("/");
    const date = get("X-Amz-Date");
    const signedAt = Date.parse(
        date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
    );
    if (
        url.pathname !== "/openTunnel" ||
        get("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256" ||
        get("X-Amz-SignedHeaders") !== "host" ||
        Number.isNaN(signedAt)
    ) {
        return refusal("IncompleteSignatureException", "The request is not signed as it should be.");
    }
    if (scope.join("/") !== `${date.slice(0, 8)}/${region}/ec2-instance-connect/aws4_request`) {
        return refusal(
            "InvalidSignatureException",
            "Credential should be scoped to a valid region and service.",
        );
    }
    const age = Date.now() - signedAt;
    if (age < -SKEW_MS || age > Number(get("X-Amz-Expires")) * 1000) {
        return refusal("InvalidSignatureException", "Signature expired.");
    }
    const secret = await secretOf(accessKeyId);
    if (secret === undefined) {
        return refusal(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        );
    }
    const parameters = [...url.searchParams].filter(([name]) => name !== "X-Amz-Signature");
    const canonicalQuery = parameters
        .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
        .sort()
        .join("&");
    const canonical = ["GET", "/openTunnel", canonicalQuery, `host:${host}`, "", "host", sha256("")].join(
        "\n",
    );
    const toSign = ["AWS4-HMAC-SHA256", date, scope.join("/"), sha256(canonical)].join("\n");
    const key = scope.reduce<Buffer>((from, part) => hmac(from, part), Buffer.from(`AWS4${secret}`));
    const expected = hmac(key, toSign);
    const given = Buffer.from(get("X-Amz-Signature"), "hex");
    return given.length === expected.length && timingSafeEqual(given, expected)
        ? undefined
        : refusal(
              "InvalidSignatureException",
              "The request signature we calculated does not match the one you provided.",
          );
}

/** As RFC 3986 has it, which encodes more than `encodeURIComponent`. */
function encoded(text: string): string {
    return encodeURIComponent(text).replace(
        /[!'()*]/g,
        (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
    );
}

function sha256(text: string): string {
    return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
    return createHmac("sha256", key).update(text).digest();
}

function refuse(socket: Duplex, { status, code, message }: Refusal): void {
    const body = JSON.stringify({ ErrorCode: code, Message: message });
    socket.end(
        [
            `HTTP/1.1 ${status} Refused`,
            "Content-Type: application/json",
            `x-amzn-requestid: ${randomUUID()}`,
            `Content-Length: ${Buffer.byteLength(body)}`,
            "Connection: close",
            "",
            body,
        ].join("\r\n"),
    );
}

function certificate(): string {
    return madeOnce("connect-endpoint", (folder) => {
        const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
        execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...files], { stdio: "ignore" });
    });
}
