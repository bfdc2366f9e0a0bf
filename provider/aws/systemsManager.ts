import {
    CancelCommandCommand,
    type CommandPlugin,
    GetCommandInvocationCommand,
    type InstanceInformation,
    ListCommandInvocationsCommand,
    SendCommandCommand,
    paginateDescribeInstanceInformation,
} from "@aws-sdk/client-ssm";
import { SnapshotError } from "../base/errors";
import { pause } from "../base/pause";
import { poll } from "../base/poll";
import { timing } from "../base/timing";
import type { Clients } from "./clients";
import { type KnownCommand, isRunning, knownCommands } from "./knownCommands";
import { awsErrorName, isRefusal, isThrottling, request } from "./request";

/*
 * Systems Manager, as far as Run Command reaches. What is assumed about the service is said here and in quiesce/vss*.ts,
 * with its source; examples/windows-sqlserver/VERIFY.md checks each of it against AWS.
 */

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
    /** Systems Manager's `StatusDetails`; `OWN_TIMEOUT` when our own limit passed first. */
    readonly status: string;
    readonly stdout: string;
    readonly stderr: string;
}

export interface WaitOptions {
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
    readonly signal: AbortSignal;
    /** Is told of each new status of a command that still runs. */
    readonly onStatus?: ((status: string) => void) | undefined;
}

/** In place of a status. */
export const OWN_TIMEOUT = "OwnTimeout";
/** A delivery limit, not one of execution; 30 is the least (Systems Manager API reference, SendCommand). */
const DELIVERY_LIMIT_S = 120;
const CANCEL_LIMIT_MS = 1_500;

/** The instance as Systems Manager knows it; undefined when it is not managed. */
export async function managedInstance(
    clients: Clients,
    instanceId: string,
    signal: AbortSignal,
): Promise<InstanceInformation | undefined> {
    return await request("ssm:DescribeInstanceInformation", signal, async (abortSignal) => {
        const pages = paginateDescribeInstanceInformation(
            { client: clients.ssm },
            { Filters: [{ Key: "InstanceIds", Values: [instanceId] }] },
            { abortSignal },
        );
        // A page may be empty, and the next not.
        for await (const { InstanceInformationList } of pages) {
            if (InstanceInformationList?.[0] !== undefined) {
                return InstanceInformationList[0];
            }
        }
        return undefined;
    });
}

/**
 * Sends a command once: it has no client token, and a repeated one would run twice. A refusal for too many requests is
 * tried again; when no answer comes, the command is looked for by its comment.
 */
export async function sendCommand(
    clients: Clients,
    command: CommandRequest,
    signal: AbortSignal,
): Promise<string> {
    const since = clients.clock.now();
    for (let attempt = 1; ; attempt += 1) {
        try {
            return await send(clients, command, signal);
        } catch (error) {
            if (isThrottling(error) && attempt < timing.sendAttempts) {
                await pause(timing.sendPauseMs * attempt, signal);
                continue;
            }
            const found = isRefusal(error) ? undefined : await findSent(clients, command, since, signal);
            if (found === undefined) {
                throw error;
            }
            return found;
        }
    }
}

async function send(
    clients: Clients,
    { instanceId, document, parameters, comment }: CommandRequest,
    signal: AbortSignal,
): Promise<string> {
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
}

/** Clocks may differ by this. */
const SKEW_MS = 60_000;

/** Also when the run was interrupted meanwhile: the command may be running. Then there is time for one look. */
async function findSent(
    clients: Clients,
    command: CommandRequest,
    since: number,
    signal: AbortSignal,
): Promise<string | undefined> {
    const limitMs = signal.aborted ? 0 : timing.commandVisibleMs;
    const own = AbortSignal.timeout(limitMs + CANCEL_LIMIT_MS);
    const found = await poll(async () => (await sentBy(clients, { command, since }, own))[0], {
        deadline: performance.now() + limitMs,
        interval: timing.firstLookMs,
        signal: own,
    }).catch(() => undefined);
    return found?.commandId;
}

/** A request for a command, and what is known of its answer. */
export interface SentCommand {
    readonly command: CommandRequest;
    /** Milliseconds since 1970. */
    readonly since: number;
    /** Undefined: there was no answer. */
    readonly commandId?: string | undefined;
}

/** What came of a request; more than one command when somebody repeated it on the way. */
async function sentBy(
    clients: Clients,
    { command, since }: SentCommand,
    signal: AbortSignal,
): Promise<KnownCommand[]> {
    const known = await knownCommands(clients, command.instanceId, [{ name: command.document }], signal);
    return known.filter(
        (candidate) =>
            candidate.comment === command.comment &&
            candidate.document === command.document &&
            candidate.requestedAt >= since - SKEW_MS,
    );
}

/** Cancels whatever came of a request and has not ended. @returns how it stands */
export async function endSent(
    clients: Clients,
    sent: SentCommand,
    signal: AbortSignal,
): Promise<"unseen" | "running" | "ended"> {
    const commands = await sentBy(clients, sent, signal);
    const statuses = new Map(commands.map(({ commandId, status }) => [commandId, status]));
    const { commandId, command } = sent;
    if (commandId !== undefined) {
        const { status } = await invocation(clients, { instanceId: command.instanceId, commandId }, signal);
        statuses.set(commandId, status);
    }
    const running = [...statuses].filter(([, status]) => isRunning(status));
    await Promise.all(running.map(([id]) => cancelCommand(clients, id, signal)));
    return statuses.size === 0 ? "unseen" : running.length > 0 ? "running" : "ended";
}

/**
 * Waits until the command has ended, but no longer than our own deadline: a command can stay Pending for ever. The
 * SDK's waiters show nothing, and repeat refusals until they time out. A command that is not waited for any more is
 * cancelled.
 */
export async function awaitCommand(
    clients: Clients,
    instanceId: string,
    commandId: string,
    options: WaitOptions,
): Promise<CommandEnd> {
    let end: CommandEnd | undefined;
    try {
        end = await untilEnded(clients, instanceId, commandId, options);
        return end;
    } finally {
        if (end === undefined || end.status === OWN_TIMEOUT) {
            await cancelCommand(clients, commandId, AbortSignal.timeout(CANCEL_LIMIT_MS)).catch(
                () => undefined,
            );
        }
    }
}

async function untilEnded(
    clients: Clients,
    instanceId: string,
    commandId: string,
    { deadline, signal, onStatus }: WaitOptions,
): Promise<CommandEnd> {
    let told = "";
    const unknownUntil = performance.now() + timing.commandVisibleMs;
    let interval = timing.firstLookMs;
    let last: CommandEnd = { commandId, status: "Pending", stdout: "", stderr: "" };
    for (;;) {
        last = (await lookAt(clients, instanceId, commandId, unknownUntil, signal)) ?? last;
        if (!isRunning(last.status)) {
            return last.status === "Success" ? last : await withOutput(clients, instanceId, last, signal);
        }
        const left = deadline - performance.now();
        if (left <= 0) {
            return { ...last, status: OWN_TIMEOUT };
        }
        if (last.status !== told) {
            told = last.status;
            onStatus?.(told);
        }
        await pause(Math.min(interval, left), signal);
        interval = Math.min(interval * 1.3, timing.lastLookMs);
    }
}

/** `undefined`: it could not be seen this time. */
async function lookAt(
    clients: Clients,
    instanceId: string,
    commandId: string,
    unknownUntil: number,
    signal: AbortSignal,
): Promise<CommandEnd | undefined> {
    try {
        return await invocation(clients, { instanceId, commandId }, signal);
    } catch (error) {
        signal.throwIfAborted();
        const unseen = awsErrorName(error) === "InvocationDoesNotExist" && performance.now() < unknownUntil;
        if (unseen || isPassing(error)) {
            return undefined;
        }
        throw error;
    }
}

/** No answer, one of an ailing service, or too many requests: neither says anything about the command. */
function isPassing(error: unknown): boolean {
    return (
        error instanceof SnapshotError &&
        error.code === "AWS_ERROR" &&
        (!isRefusal(error) || isThrottling(error))
    );
}

interface Step {
    readonly instanceId: string;
    readonly commandId: string;
    /** Default: the whole. Only of a document with a single step that has an output (GetCommandInvocation). */
    readonly pluginName?: string;
}

async function invocation(
    clients: Clients,
    { instanceId, commandId, pluginName }: Step,
    signal: AbortSignal,
): Promise<CommandEnd> {
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
}

/**
 * What a document of several steps has to say is only told step by step, and not which steps there are. Never fails:
 * that the command did not succeed is known already.
 */
async function withOutput(
    clients: Clients,
    instanceId: string,
    end: CommandEnd,
    signal: AbortSignal,
): Promise<CommandEnd> {
    if (`${end.stdout}${end.stderr}` !== "") {
        return end;
    }
    const { commandId } = end;
    try {
        const failed = (await stepsOf(clients, instanceId, commandId, signal)).filter(isFailed);
        const outputs = await Promise.all(
            failed.map((step) =>
                invocation(clients, { instanceId, commandId, pluginName: step.Name ?? "" }, signal),
            ),
        );
        const joined = (texts: string[]) => texts.filter((text) => text !== "").join("\n");
        return {
            ...end,
            stdout: joined(outputs.map(({ stdout }) => stdout)),
            stderr: joined(outputs.map(({ stderr }) => stderr)),
        };
    } catch {
        signal.throwIfAborted();
        return end;
    }
}

async function stepsOf(
    clients: Clients,
    instanceId: string,
    commandId: string,
    signal: AbortSignal,
): Promise<CommandPlugin[]> {
    const answer = await request("ssm:ListCommandInvocations", signal, (abortSignal) =>
        clients.ssm.send(
            new ListCommandInvocationsCommand({
                CommandId: commandId,
                InstanceId: instanceId,
                Details: true,
            }),
            { abortSignal },
        ),
    );
    return answer.CommandInvocations?.[0]?.CommandPlugins ?? [];
}

/** One that did not begin has nothing to say. */
function isFailed({ Status, ResponseStartDateTime }: CommandPlugin): boolean {
    return Status !== "Success" && ResponseStartDateTime !== undefined;
}

/** Asks for the end of a command. That it has ended already is no error. */
export async function cancelCommand(clients: Clients, commandId: string, signal: AbortSignal): Promise<void> {
    await request("ssm:CancelCommand", signal, (abortSignal) =>
        clients.ssm.send(new CancelCommandCommand({ CommandId: commandId }), { abortSignal }),
    );
}

/** What a command that did not succeed has to say, the last of it. */
export function endText({ commandId, status, stdout, stderr }: CommandEnd): string {
    const said = `${stdout}\n${stderr}`.trim().slice(-MESSAGE_LENGTH);
    const how = status === OWN_TIMEOUT ? "no end within the time limit" : status;
    return `${how}${said === "" ? "" : `: ${said}`} (command ${commandId})`;
}

const MESSAGE_LENGTH = 1_000;
