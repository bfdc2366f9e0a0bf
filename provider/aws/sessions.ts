import { StartSessionCommand, TerminateSessionCommand, paginateDescribeSessions } from "@aws-sdk/client-ssm";
import type { HttpRequest } from "@smithy/types";
import { randomUUID } from "node:crypto";
import { factOf } from "../base/errors";
import type { Log } from "../base/log";
import { NoSession, type StartedSession } from "../transport/awsAccess";
import type { Clients } from "./clients";
import { awsErrorName, isRefusal, isThrottling, originalOf, request } from "./request";

/** Forwards to a port of the instance for an SSH client (Systems Manager User Guide, "Session Manager", step 8). */
const DOCUMENT = "AWS-StartSSHSession";
/** A run that ends does not wait for longer; a session ends by itself when it is idle. */
const END_LIMIT_MS = 1_500;
/** Of the look for a session whose start was not answered. Whoever ends need not wait for that. */
const FIND_LIMIT_MS = 5_000;

/**
 * Asked once at a time: a session has no client token, so a repeated request would leave one behind. Whoever connects tries
 * again. When the answer is lost, the session is found by its reason, and ended; `log` is told when that fails.
 */
export async function startSession(
    clients: Clients,
    instanceId: string,
    port: number,
    signal: AbortSignal,
    log: Log,
): Promise<StartedSession> {
    const reason = `pulumi-app-consistent-snapshot ${randomUUID()}`;
    const input = {
        Target: instanceId,
        DocumentName: DOCUMENT,
        Parameters: { portNumber: [String(port)] },
        Reason: reason,
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
        if (mayHaveStarted(error)) {
            await endUnanswered(clients, instanceId, reason, log);
        }
        signal.throwIfAborted();
        throw noSession(instanceId, error) ?? error;
    }
}

/** Nobody was there to take the request. */
const UNSENT = new Set(["EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"]);

function mayHaveStarted(error: unknown): boolean {
    const { code = "" } = (originalOf(error) ?? {}) as NodeJS.ErrnoException;
    return !isRefusal(error) && !UNSENT.has(code);
}

/** Ends the session that has this reason, if there is one. Takes a few seconds at most, and never rejects. */
async function endUnanswered(clients: Clients, instanceId: string, reason: string, log: Log): Promise<void> {
    try {
        const found = await findSession(clients, instanceId, reason, AbortSignal.timeout(FIND_LIMIT_MS));
        if (found !== undefined) {
            await endSession(clients, found, log);
        }
    } catch (error) {
        log(
            `warning: ssm:StartSession was not answered, so that there may be a session to ${instanceId}, which ends when it ` +
                `has been idle. Whether there is one could not be seen: ${factOf(error)}`,
        );
    }
}

async function findSession(
    clients: Clients,
    instanceId: string,
    reason: string,
    signal: AbortSignal,
): Promise<string | undefined> {
    return await request("ssm:DescribeSessions", signal, async (abortSignal) => {
        const pages = paginateDescribeSessions(
            { client: clients.ssm },
            { State: "Active", Filters: [{ key: "Target", value: instanceId }] },
            { abortSignal },
        );
        for await (const { Sessions } of pages) {
            const found = Sessions?.find((session) => session.Reason === reason);
            if (found !== undefined) {
                return found.SessionId;
            }
        }
        return undefined;
    });
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
export async function endSession(clients: Clients, sessionId: string, log: Log): Promise<void> {
    try {
        await request("ssm:TerminateSession", AbortSignal.timeout(END_LIMIT_MS), (abortSignal) =>
            clients.ssm.send(new TerminateSessionCommand({ SessionId: sessionId }), { abortSignal }),
        );
    } catch (error) {
        if (awsErrorName(error) !== "DoesNotExistException") {
            log(
                `warning: the session ${sessionId} could not be ended, and ends when it has been idle: ${factOf(error)}`,
            );
        }
    }
}
