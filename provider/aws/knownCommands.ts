import { type Command, type CommandFilter, paginateListCommands } from "@aws-sdk/client-ssm";
import type { Clients } from "./clients";
import { request } from "./request";

/** A command on an instance that the service knows of. */
export interface KnownCommand {
    readonly commandId: string;
    readonly document: string;
    /** Undefined: not one of ours. */
    readonly executionId: string | undefined;
    /** What it installed is meant to stay. */
    readonly kept: boolean;
    readonly comment: string;
    readonly status: string;
    readonly parameters: Readonly<Record<string, readonly string[]>>;
    /** Milliseconds since 1970. */
    readonly requestedAt: number;
    /** It has ended by then, whatever its status says: a command can stay Pending for ever. Milliseconds since 1970. */
    readonly endsBefore: number;
}

const COMMENT_PREFIX = "acs:";
/** Behind the execution: what this command installs is meant to stay. */
const KEPT = " kept";
/** Of the latest commands by a document on an instance so many are looked through, by pages of the largest size. */
const LISTED = 500;
const PAGE = 50;

/** `StatusDetails` (Systems Manager User Guide, "Understanding command statuses"); some answers have blanks in them. */
const RUNNING = new Set(["Pending", "InProgress", "Delayed", "Cancelling"]);

/** `kept`: what the command installs is meant to stay. At most 100 characters. */
export function commentFor(executionId: string, { kept = false } = {}): string {
    return `${COMMENT_PREFIX}${executionId}${kept ? KEPT : ""}`;
}

export interface KnownDocument {
    readonly name: string;
    /** Only commands that are not older. */
    readonly withinMs?: number;
}

/** The latest commands by these documents on an instance, the newest first. AWS lists those of the last 30 days. */
export async function knownCommands(
    clients: Clients,
    instanceId: string,
    documents: readonly KnownDocument[],
    signal: AbortSignal,
): Promise<KnownCommand[]> {
    const byDocument = await Promise.all(
        documents.map((document) => commandsOf(clients, instanceId, document, signal)),
    );
    return byDocument
        .flat()
        .map(known)
        .sort((a, b) => b.requestedAt - a.requestedAt);
}

async function commandsOf(
    clients: Clients,
    instanceId: string,
    { name, withinMs }: KnownDocument,
    signal: AbortSignal,
): Promise<Command[]> {
    const filters: CommandFilter[] = [{ key: "DocumentName", value: name }];
    if (withinMs !== undefined) {
        filters.push({ key: "InvokedAfter", value: wholeSeconds(clients.clock.now() - withinMs) });
    }
    return await request("ssm:ListCommands", signal, async (abortSignal) => {
        const found: Command[] = [];
        const pages = paginateListCommands(
            { client: clients.ssm, pageSize: PAGE },
            { InstanceId: instanceId, Filters: filters },
            { abortSignal },
        );
        for await (const page of pages) {
            found.push(...(page.Commands ?? []));
            if (found.length >= LISTED) {
                break;
            }
        }
        return found;
    });
}

function known(command: Command): KnownCommand {
    const comment = command.Comment ?? "";
    const requestedAt = command.RequestedDateTime?.getTime() ?? 0;
    const deliveryS = command.TimeoutSeconds ?? LIMIT_S;
    const executionS = Number.parseInt(command.Parameters?.executionTimeout?.[0] ?? "", 10);
    const ours = comment.startsWith(COMMENT_PREFIX);
    return {
        commandId: command.CommandId ?? "",
        document: command.DocumentName ?? "",
        executionId: ours ? comment.slice(COMMENT_PREFIX.length).split(" ", 1)[0] : undefined,
        kept: ours && comment.endsWith(KEPT),
        comment,
        status: command.Status ?? "",
        parameters: command.Parameters ?? {},
        requestedAt,
        endsBefore: requestedAt + 1000 * (deliveryS + (Number.isFinite(executionS) ? executionS : LIMIT_S)),
    };
}

/** Default of either limit, of a command's delivery and of a document's execution, in seconds (SendCommand; pluginutil.go). */
const LIMIT_S = 3_600;

/** Whether a command may be at work, or come to it. */
export function mayRun({ status, endsBefore }: KnownCommand, now: number): boolean {
    return isRunning(status) && now < endsBefore;
}

export function isRunning(status: string): boolean {
    return RUNNING.has(status.replaceAll(" ", ""));
}

/** As Systems Manager documents it (API reference, CommandFilter): `2024-07-07T00:00:00Z`. */
function wholeSeconds(time: number): string {
    return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
