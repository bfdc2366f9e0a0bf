import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clients } from "../aws/clients";
import {
    type CommandEnd,
    type KnownCommand,
    awaitCommand,
    commentFor,
    endText,
    isRunning,
    knownCommands,
    sendCommand,
} from "../aws/systemsManager";

/*
 * The VSS components on a Windows instance: AWS's package AwsVssComponents, installed and removed by the document
 * AWS-ConfigureAWSPackage (EC2 User Guide, "Manage VSS components").
 */

const PACKAGE = "AwsVssComponents";
const PACKAGE_DOCUMENT = "AWS-ConfigureAWSPackage";
const SCRIPT_DOCUMENT = "AWS-RunPowerShellScript";
/** The agent's text when another install or uninstall is under way (amazon-ssm-agent, localpackages_lock.go). */
const LOCKED = /already in the process of action/;
const LOCKED_PAUSE_MS = 5_000;
/** Between two commands of a living execution. */
const BETWEEN_COMMANDS_MS = 5 * 60_000;
/** Earlier versions leave the VSS provider registered when they are removed (EC2 User Guide, "Version history"). */
export const CLEAN_REMOVAL_VERSION = "2.3.2";

export interface ComponentsHost {
    readonly clients: Clients;
    readonly instanceId: string;
    readonly executionId: string;
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
    readonly signal: AbortSignal;
}

export interface Components {
    readonly present: boolean;
    /** Empty when it cannot be told: installed by other means than the package. */
    readonly version: string;
}

/** A command about the components did not succeed. */
export class ComponentsError extends Error {
    constructor(
        what: string,
        readonly end: CommandEnd,
    ) {
        super(`${what}: ${endText(end)}`);
    }
}

export async function installedComponents(host: ComponentsHost): Promise<Components> {
    const script = readFileSync(join(__dirname, "installedComponents.ps1"), "utf8");
    const end = await run(host, SCRIPT_DOCUMENT, { commands: script });
    const components = end.status === "Success" ? parseComponents(end.stdout) : undefined;
    if (components === undefined) {
        throw new ComponentsError("could not find out which VSS components are installed", end);
    }
    return components;
}

/** The one line of JSON among whatever a profile prints. */
export function parseComponents(stdout: string): Components | undefined {
    for (const line of stdout.split(/\r?\n/)) {
        try {
            const { version } = JSON.parse(line) as { version?: unknown };
            if (version === null || typeof version === "string") {
                return { present: version !== null, version: version ?? "" };
            }
        } catch {
            // Not ours.
        }
    }
    return undefined;
}

/** Installs the components; without a version, AWS's recommended one. */
export async function installComponents(host: ComponentsHost, version?: string): Promise<void> {
    await configure(host, { action: "Install", ...(version === undefined ? {} : { version }) });
}

export async function removeComponents(host: ComponentsHost): Promise<void> {
    await configure(host, { action: "Uninstall" });
}

/** Asks for the removal and does not wait for it: for a process that is being ended. */
export async function requestRemoval({
    clients,
    instanceId,
    executionId,
    signal,
}: ComponentsHost): Promise<void> {
    const parameters = { action: "Uninstall", name: PACKAGE };
    await sendCommand(
        clients,
        { instanceId, document: PACKAGE_DOCUMENT, parameters, comment: commentFor(executionId) },
        signal,
    );
}

/** Tried again, within the deadline, while another install or uninstall holds the package. */
async function configure(host: ComponentsHost, parameters: Record<string, string>): Promise<void> {
    for (;;) {
        const end = await run(host, PACKAGE_DOCUMENT, { ...parameters, name: PACKAGE });
        if (end.status === "Success") {
            return;
        }
        const locked = LOCKED.test(`${end.stdout}\n${end.stderr}`);
        if (!locked || performance.now() + LOCKED_PAUSE_MS >= host.deadline) {
            throw new ComponentsError(`${parameters.action ?? ""} of ${PACKAGE} did not succeed`, end);
        }
        await sleep(LOCKED_PAUSE_MS, undefined, { signal: host.signal });
    }
}

async function run(
    { clients, instanceId, executionId, deadline, signal }: ComponentsHost,
    document: string,
    parameters: Record<string, string>,
): Promise<CommandEnd> {
    const comment = commentFor(executionId);
    const commandId = await sendCommand(clients, { instanceId, document, parameters, comment }, signal);
    return await awaitCommand(clients, instanceId, commandId, { deadline, signal });
}

/** What our own commands on the instance tell of other executions. */
export interface OtherExecutions {
    /** The components are there because an execution of ours installed them and could not remove them. */
    readonly leftBehind: boolean;
    /** Another execution needs the components now. */
    readonly inProgress: boolean;
}

export async function otherExecutions(host: ComponentsHost): Promise<OtherExecutions> {
    const commands = await knownCommands(host.clients, host.instanceId, host.signal);
    return judgeCommands(commands, host.executionId, Date.now());
}

/** `commands`: the newest first. */
export function judgeCommands(
    commands: readonly KnownCommand[],
    executionId: string,
    now: number,
): OtherExecutions {
    const lastPackage = commands.find(
        (command) => command.document === PACKAGE_DOCUMENT && command.status === "Success",
    );
    const others = Map.groupBy(
        commands.filter((command) => command.executionId !== executionId),
        (command) => command.executionId,
    );
    return {
        leftBehind:
            lastPackage?.parameters.action?.[0] === "Install" && lastPackage.executionId !== executionId,
        inProgress: [...others.values()].some((own) => needsComponents(own, now)),
    };
}

/** Before its snapshot an execution asks, and may install: after that it needs nothing any more. */
function needsComponents(own: readonly KnownCommand[], now: number): boolean {
    const [last] = own;
    if (last === undefined || last.parameters.action?.[0] === "Uninstall") {
        return false;
    }
    const beforeSnapshot = last.document === SCRIPT_DOCUMENT || last.document === PACKAGE_DOCUMENT;
    return isRunning(last.status) || (beforeSnapshot && now - last.requestedAt < BETWEEN_COMMANDS_MS);
}

/** Compares versions number by number: negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
    const left = a.split(".").map(Number);
    const right = b.split(".").map(Number);
    const differences = Array.from(
        { length: Math.max(left.length, right.length) },
        (_, index) => (left[index] ?? 0) - (right[index] ?? 0),
    );
    return differences.find((difference) => difference !== 0) ?? 0;
}
