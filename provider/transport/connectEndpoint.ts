import type { IncomingMessage } from "node:http";
import { type Failure, SnapshotError } from "../base/errors";
import { type AwsAccess, NotNow, type SignedTunnel } from "./awsAccess";
import { OpenStreams } from "./openStreams";
import type { Route, Way } from "./route";
import { AttemptOver } from "./ssh/attemptOver";
import type { HopSettings } from "./ssh/handshake";
import { describeSocketError, quoteServer } from "./ssh/handshakeFailure";
import { SshError, unreachable } from "./ssh/sshError";
import { TunnelStream } from "./tunnelStream";

/** By an EC2 Instance Connect Endpoint: a WebSocket for each stream. */
export class ConnectEndpointRoute implements Route {
    readonly #open = new OpenStreams<TunnelStream>();

    constructor(
        private readonly to: HopSettings,
        private readonly instanceId: string,
        private readonly endpointId: string | undefined,
        private readonly aws: AwsAccess,
    ) {}

    async open(signal: AbortSignal): Promise<Way> {
        const { to, instanceId, endpointId } = this;
        const tunnel = await this.aws
            .signTunnel({ instanceId, endpointId }, signal)
            .catch((error: unknown) => {
                throw notSigned(error, to);
            });
        const stream = await openTunnel(tunnel, to, signal);
        this.#open.add(stream);
        const said = () =>
            stream.ended === undefined
                ? ""
                : `the tunnel by ${tunnel.endpointId} ended: ${quoteServer(stream.ended, to.secrets)}`;
        return { stream, said };
    }

    close(): Promise<void> {
        return this.#open.close();
    }
}

function notSigned(error: unknown, to: HopSettings): unknown {
    if (error instanceof NotNow) {
        return unreachable(to, `there is no EC2 Instance Connect Endpoint yet: ${error.message}`, {
            cause: error,
            remedy: "wait until it is create-complete, and run again",
        });
    }
    return error instanceof AttemptOver ? unreachable(to, `EC2: ${error.message}`, { cause: error }) : error;
}

/** Of a body that says why a tunnel is refused. */
const MOST_READ = 4096;

async function openTunnel(
    { url, agent, endpointId }: SignedTunnel,
    to: HopSettings,
    signal: AbortSignal,
): Promise<TunnelStream> {
    // Loads only here, because few runs need it.
    const ws = await import("ws");
    return await new Promise((resolve, reject) => {
        const socket = new ws.WebSocket(url, { perMessageDeflate: false, agent });
        const settle = (act: () => void) => {
            signal.removeEventListener("abort", onAbort);
            act();
        };
        const onAbort = () => {
            socket.terminate();
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason is the caller's own
            settle(() => reject(signal.reason));
        };
        // Stays for good: what is told of one that is being ended has no other listener.
        socket.on("error", (error: NodeJS.ErrnoException) =>
            settle(() => reject(notReached(error, endpointId, to))),
        );
        socket.on("unexpected-response", (_request, response) => {
            void textOf(response).then((text) => {
                settle(() => reject(refused(response, text, endpointId, to)));
                socket.terminate();
            });
        });
        // At once, because what the server sends first may come with the answer.
        socket.once("open", () => settle(() => resolve(new TunnelStream(socket))));
        if (signal.aborted) {
            onAbort();
        } else {
            signal.addEventListener("abort", onAbort);
        }
    });
}

async function textOf(response: IncomingMessage): Promise<string> {
    let text = "";
    try {
        for await (const bytes of response as AsyncIterable<Buffer>) {
            text += bytes.toString("utf8");
            if (text.length > MOST_READ) {
                break;
            }
        }
    } catch {
        // What has come is better than nothing.
    }
    return text;
}

const CERTIFICATE = /CERT|SIGNATURE|UNABLE_TO_|HOSTNAME_MISMATCH|ALTNAME/;

function notReached(error: NodeJS.ErrnoException, endpointId: string, to: HopSettings): SshError {
    const what = `the endpoint ${endpointId} is not reached: ${quoteServer(describeSocketError(error), to.secrets)}`;
    return CERTIFICATE.test(error.code ?? "")
        ? tunnelFailed(
              to,
              what,
              "for a private authority, set NODE_EXTRA_CA_CERTS in the environment of Pulumi",
              error,
          )
        : unreachable(to, what, {
              cause: error,
              remedy: "see that this machine, or its proxy (HTTPS_PROXY), reaches port 443 of the endpoint's address",
          });
}

const DENIED = /AccessDenied|Unauthorized|AuthException|NotAuthorized/i;
const NO_CREDENTIALS = /Expired|Signature|InvalidClientToken|UnrecognizedClient|IncompleteSignature/i;
const PASSES = /Throttl|Limit|Quota|TooMany|Unavailable|Internal/i;

/** What AWS says by an HTTP status and `{"ErrorCode", "Message"}`, or somebody else on the way by a page. */
function refused(response: IncomingMessage, body: string, endpointId: string, to: HopSettings): Error {
    const { statusCode = 0, headers } = response;
    const { ErrorCode, Message } = asJson(body);
    const id = headers["x-amzn-requestid"];
    const words = ErrorCode === undefined ? body.replace(/<[^>]*>/g, " ") : `${ErrorCode}: ${Message ?? ""}`;
    const said = quoteServer(words, to.secrets);
    const what =
        `the endpoint ${endpointId} refuses the tunnel (HTTP ${statusCode})${said === "" ? "" : `: ${said}`}` +
        (id === undefined ? "" : ` (request ${quoteServer(String(id), to.secrets)})`);
    const failure = (code: Failure["code"], remedy: string) =>
        new SnapshotError({ code, message: `ssh to ${to.address}: ${what}.`, remedy });
    const code = ErrorCode ?? "";
    if (NO_CREDENTIALS.test(code)) {
        return failure(
            "CREDENTIALS",
            "Renew the AWS credentials, and check this machine's clock. Then run again.",
        );
    }
    if (DENIED.test(code) || (statusCode === 403 && code === "")) {
        return failure(
            "ACCESS_DENIED",
            "Allow ec2-instance-connect:OpenTunnel to the caller for this endpoint, port and address; docs/iam.md has the policy.",
        );
    }
    if (PASSES.test(code) || statusCode === 429 || statusCode >= 500) {
        return unreachable(to, what, {
            remedy: "run again; an endpoint carries some twenty connections at once, those of other users included",
        });
    }
    return tunnelFailed(to, what, "see what AWS says, and docs/reach.md");
}

function asJson(body: string): { readonly ErrorCode?: string; readonly Message?: string } {
    try {
        const { ErrorCode, Message } = JSON.parse(body) as Record<string, unknown>;
        return {
            ...(typeof ErrorCode === "string" ? { ErrorCode } : {}),
            ...(typeof Message === "string" ? { Message } : {}),
        };
    } catch {
        return {};
    }
}

function tunnelFailed(
    { where, address }: HopSettings,
    what: string,
    remedy: string,
    cause?: unknown,
): SshError {
    return new SshError({ code: "TUNNEL_FAILED", where, address, what, remedy, cause });
}
