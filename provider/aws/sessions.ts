import { StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import type { HttpRequest } from "@smithy/types";
import { factOf } from "../base/errors";
import { NoSession, type StartedSession } from "../transport/awsAccess";
import type { Clients } from "./clients";
import { awsErrorName, isRefusal, isThrottling, request } from "./request";

/** Forwards to a port of the instance for an SSH client (Systems Manager User Guide, "Session Manager", step 8). */
const DOCUMENT = "AWS-StartSSHSession";
/** A run that ends does not wait for longer; a session ends by itself when it is idle. */
const END_LIMIT_MS = 1_500;

/**
 * Asked once at a time: a session has no client token, so a repeated request would leave one behind. Whoever connects tries
 * again.
 */
export async function startSession(
    clients: Clients,
    instanceId: string,
    port: number,
    signal: AbortSignal,
): Promise<StartedSession> {
    const input = {
        Target: instanceId,
        DocumentName: DOCUMENT,
        Parameters: { portNumber: [String(port)] },
    };
    const command = new StartSessionCommand(input);
    let endpoint = "";
    command.middlewareStack.add(
        (next) => (args) => {
            endpoint = endpointOf(args.request as HttpRequest);
            return next(args);
        },
        { step: "finalizeRequest" },
    );
    try {
        const { SessionId, StreamUrl, TokenValue } = await request(
            "ssm:StartSession",
            signal,
            (abortSignal) => clients.ssmOnce.send(command, { abortSignal }),
        );
        return {
            id: SessionId ?? "",
            region: clients.region,
            endpoint,
            request: JSON.stringify(input),
            response: JSON.stringify({ SessionId, TokenValue, StreamUrl }),
            token: TokenValue ?? "",
        };
    } catch (error) {
        signal.throwIfAborted();
        throw noSession(instanceId, error) ?? error;
    }
}

function endpointOf({ protocol, hostname, port }: HttpRequest): string {
    return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
}

/** What is about the instance or its agent, and what passes; undefined: it is about the caller. */
function noSession(instanceId: string, error: unknown): NoSession | undefined {
    switch (awsErrorName(error)) {
        case "TargetNotConnected":
            return new NoSession(
                {
                    what: `Systems Manager does not reach the SSM agent of ${instanceId} (TargetNotConnected)`,
                    remedy:
                        "see that the agent runs on it, that its role has AmazonSSMManagedInstanceCore, and that it reaches the " +
                        "endpoints ssm and ssmmessages; after a boot that takes some minutes",
                    transient: true,
                },
                error,
            );
        case "InvalidDocument":
            return new NoSession(
                {
                    what: `the region has no document ${DOCUMENT}: ${factOf(error)}`,
                    remedy: 'reach the instance in another way, such as { via: "instance-connect-endpoint" }',
                    transient: false,
                },
                error,
            );
        default:
            return isThrottling(error) || !isRefusal(error)
                ? new NoSession(
                      {
                          what: `Systems Manager started no session: ${factOf(error)}`,
                          remedy: "run again when Systems Manager answers",
                          transient: true,
                      },
                      error,
                  )
                : undefined;
    }
}

/** That it has ended already is no problem. */
export async function endSession(clients: Clients, sessionId: string): Promise<string | undefined> {
    try {
        await request("ssm:TerminateSession", AbortSignal.timeout(END_LIMIT_MS), (abortSignal) =>
            clients.ssm.send(new TerminateSessionCommand({ SessionId: sessionId }), { abortSignal }),
        );
        return undefined;
    } catch (error) {
        return awsErrorName(error) === "DoesNotExistException" ? undefined : factOf(error);
    }
}
