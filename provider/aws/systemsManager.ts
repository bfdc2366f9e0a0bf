import {
    CancelCommandCommand,
    DescribeInstanceInformationCommand,
    GetCommandInvocationCommand,
    type InstanceInformation,
    ListCommandsCommand,
    SendCommandCommand,
} from "@aws-sdk/client-ssm";
import { setTimeout as sleep } from "node:timers/promises";
import { SnapshotError } from "../errors";
import type { Clients } from "./clients";
import { awsErrorName, request } from "./request";

/** What is to be run on an instance. */
export interface CommandRequest {
    readonly instanceId: string;
    readonly document: string;
    readonly parameters: Readonly<Record<string, string>>;
    /** Tells our commands from others, and one execution's from another's; up to 100 characters. */
    readonly comment: string;
}

/** How a command ended, as far as is known. */
export interface CommandEnd {
    readonly commandId: string;
    /** Systems Manager's `StatusDetails`; `OwnTimeout` when our own limit passed first. */
    readonly status: string;
    readonly stdout: string;
    readonly stderr: string;
}

/** A command of ours that the service knows of. */
export interface KnownCommand {
    readonly commandId: string;
    readonly document: string;
    readonly executionId: string;
    readonly status: string;
    readonly parameters: Readonly<Record<string, readonly string[]>>;
    /** Milliseconds since 1970. */
    readonly requestedAt: number;
}

export interface WaitOptions {
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
    readonly signal: AbortSignal;
}

const COMMENT_PREFIX = "acs:";
/** A delivery limit, not one of execution; 30 is the least (Systems Manager API reference, SendCommand). */
const DELIVERY_LIMIT_S = 120;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 5_000;
/** A command is not known everywhere at once (Systems Manager API reference, `InvocationDoesNotExist`). */
const UNKNOWN_LIMIT_MS = 30_000;
/** How many of our latest commands on an instance are looked through. */
const LISTED = 50;

/** GetCommandInvocation's `StatusDetails` (Systems Manager User Guide, "Understanding command statuses"). */
const RUNNING = new Set(["Pending", "InProgress", "In Progress", "Delayed", "Cancelling"]);

export function commentFor(executionId: string): string {
    return `${COMMENT_PREFIX}${executionId}`;
}

/** The instance as Systems Manager knows it; undefined when it is not managed. */
export async function managedInstance(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<InstanceInformation | undefined> {
    const answer = await request("ssm:DescribeInstanceInformation", signal, (abortSignal) =>
        clients.ssm.send(
            new DescribeInstanceInformationCommand({
                Filters: [{ Key: "InstanceIds", Values: [instanceId] }],
            }),
            { abortSignal },
        ),
    );
    return answer.InstanceInformationList?.[0];
}

/**
 * Sends a command once: it has no client token, and a repeated one would run twice. When the answer does not come, the
 * command is looked for by its comment.
 */
export async function sendCommand(
    clients: Clients,
    command: CommandRequest,
    signal: AbortSignal,
): Promise<string> {
    const { instanceId, document, parameters, comment } = command;
    const since = Date.now();
    try {
        const answer = await request("ssm:SendCommand", signal, (abortSignal) =>
            clients.ssmOnce.send(
                new SendCommandCommand({
                    DocumentName: document,
                    InstanceIds: [instanceId],
                    Parameters: Object.fromEntries(
                        Object.entries(parameters).map(([key, value]) => [key, [value]]),
                    ),
                    Comment: comment,
                    TimeoutSeconds: DELIVERY_LIMIT_S,
                }),
                { abortSignal },
            ),
        );
        return answer.Command?.CommandId ?? "";
    } catch (error) {
        const found = isRefusal(error) ? undefined : await findSent(clients, command, since);
        if (found === undefined) {
            throw error;
        }
        return found;
    }
}

function isRefusal(error: unknown): boolean {
    const cause: unknown = error instanceof SnapshotError ? error.context.cause : error;
    const status = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
        ?.httpStatusCode;
    return status !== undefined && status >= 400 && status < 500;
}

const SKEW_MS = 60_000;
const FIND_LIMIT_MS = 20_000;

async function findSent(
    clients: Clients,
    command: CommandRequest,
    since: number,
): Promise<string | undefined> {
    const known = await knownCommands(clients, command.instanceId, AbortSignal.timeout(FIND_LIMIT_MS));
    return known.find(
        (candidate) =>
            commentFor(candidate.executionId) === command.comment &&
            candidate.document === command.document &&
            candidate.requestedAt >= since - SKEW_MS,
    )?.commandId;
}

/** Our latest commands on an instance, the newest first. */
export async function knownCommands(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<KnownCommand[]> {
    const answer = await request("ssm:ListCommands", signal, (abortSignal) =>
        clients.ssm.send(new ListCommandsCommand({ InstanceId: instanceId, MaxResults: LISTED }), {
            abortSignal,
        }),
    );
    return (answer.Commands ?? [])
        .filter((command) => command.Comment?.startsWith(COMMENT_PREFIX))
        .map((command) => ({
            commandId: command.CommandId ?? "",
            document: command.DocumentName ?? "",
            executionId: command.Comment?.slice(COMMENT_PREFIX.length) ?? "",
            status: command.Status ?? "",
            parameters: command.Parameters ?? {},
            requestedAt: command.RequestedDateTime?.getTime() ?? 0,
        }))
        .sort((a, b) => b.requestedAt - a.requestedAt);
}

export function isRunning(status: string): boolean {
    return RUNNING.has(status);
}

/**
 * Waits until the command has ended, but no longer than our own deadline: a command can stay Pending for ever. The
 * SDK's waiters show nothing, and repeat refusals until they time out.
 */
export async function awaitCommand(
    clients: Clients,
    instanceId: string,
    commandId: string,
    { deadline, signal }: WaitOptions,
    pluginName?: string,
): Promise<CommandEnd> {
    const unknownUntil = performance.now() + UNKNOWN_LIMIT_MS;
    let pause = FIRST_PAUSE_MS;
    let last: CommandEnd = { commandId, status: "Pending", stdout: "", stderr: "" };
    for (;;) {
        last = (await lookAt(clients, instanceId, commandId, pluginName, unknownUntil, signal)) ?? last;
        if (!isRunning(last.status)) {
            return last;
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            return { ...last, status: "OwnTimeout" };
        }
        await sleep(Math.min(pause, left), undefined, { signal });
        pause = Math.min(pause * 1.3, LAST_PAUSE_MS);
    }
}

async function lookAt(
    clients: Clients,
    instanceId: string,
    commandId: string,
    pluginName: string | undefined,
    unknownUntil: number,
    signal: AbortSignal,
): Promise<CommandEnd | undefined> {
    try {
        const answer = await request("ssm:GetCommandInvocation", signal, (abortSignal) =>
            clients.ssm.send(
                new GetCommandInvocationCommand({
                    CommandId: commandId,
                    InstanceId: instanceId,
                    ...(pluginName === undefined ? {} : { PluginName: pluginName }),
                }),
                { abortSignal },
            ),
        );
        return {
            commandId,
            status: answer.StatusDetails ?? answer.Status ?? "",
            stdout: answer.StandardOutputContent ?? "",
            stderr: answer.StandardErrorContent ?? "",
        };
    } catch (error) {
        if (awsErrorName(error) === "InvocationDoesNotExist" && performance.now() < unknownUntil) {
            return undefined;
        }
        throw error;
    }
}

/** Asks for the end of a command. That it has ended already is no error. */
export async function cancelCommand(clients: Clients, commandId: string, signal: AbortSignal): Promise<void> {
    await request("ssm:CancelCommand", signal, (abortSignal) =>
        clients.ssm.send(new CancelCommandCommand({ CommandId: commandId }), { abortSignal }),
    );
}

/** What a command that did not succeed has to say, the last of it. */
export function endText({ status, stdout, stderr }: CommandEnd): string {
    const said = `${stdout}\n${stderr}`.trim().slice(-MESSAGE_LENGTH);
    return said === "" ? status : `${status}: ${said}`;
}

const MESSAGE_LENGTH = 1_000;
