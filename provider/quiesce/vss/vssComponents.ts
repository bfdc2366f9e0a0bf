import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clients } from "../../aws/clients";
import type { Log } from "../../base/log";
import { pause } from "../../base/pause";
import { poll } from "../../base/poll";
import { timing } from "../../base/timing";
import {
    type KnownCommand,
    type KnownDocument,
    commentFor,
    knownCommands,
    mayRun,
} from "../../aws/knownCommands";
import { type CommandEnd, awaitCommand, endText, sendCommand } from "../../aws/systemsManager";

/*
 * The VSS components on a Windows instance: AWS's package AwsVssComponents, installed and removed by the document
 * AWS-ConfigureAWSPackage (EC2 User Guide, "Manage VSS components").
 */

const PACKAGE = "AwsVssComponents";
const PACKAGE_DOCUMENT = "AWS-ConfigureAWSPackage";
const SCRIPT_DOCUMENT = "AWS-RunPowerShellScript";
/** Takes snapshots, and installs or updates the components before. */
const INSTALLING_DOCUMENT = "AWSEC2-VssInstallAndSnapshot";
const SNAPSHOT_DOCUMENTS = ["AWSEC2-CreateVssSnapshot", INSTALLING_DOCUMENT];
/** What tells who installed the components, and who uses them. */
const TELLING: readonly KnownDocument[] = [
    { name: PACKAGE_DOCUMENT },
    ...SNAPSHOT_DOCUMENTS.map((name) => ({ name })),
    // Everybody uses this one. Ours tells of a run that has just begun.
    { name: SCRIPT_DOCUMENT, withinMs: 2 * 3_600_000 },
];
/** The agent's text when another install or uninstall is under way (amazon-ssm-agent, localpackages_lock.go). */
const LOCKED = /already in the process of/;
/** Earlier versions leave the VSS provider registered when they are removed (EC2 User Guide, "Version history"). */
export const CLEAN_REMOVAL_VERSION = "2.3.2";

export interface ComponentsHost {
    readonly clients: Clients;
    readonly instanceId: string;
    readonly executionId: string;
    /** On the clock of `performance.now()`. */
    readonly deadline: number;
    readonly log: Log;
    readonly signal: AbortSignal;
}

export interface Components {
    readonly present: boolean;
    /** Empty when it cannot be told: installed by other means than the package. */
    readonly version: string;
}

/** A command about the components did not succeed. */
export class ComponentsError extends Error {
    constructor(what: string, end?: CommandEnd) {
        super(end === undefined ? what : `${what}: ${endText(end)}`);
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

/**
 * Installs the components; without a version, AWS's recommended one.
 * @returns false when another installation or removal held the package: then nothing was done
 */
export async function installComponents(
    host: ComponentsHost,
    { version, kept }: { readonly version: string | undefined; readonly kept: boolean },
): Promise<boolean> {
    const parameters = { action: "Install", ...(version === undefined ? {} : { version }) };
    return await configure(host, parameters, commentFor(host.executionId, { kept }));
}

/** Tries again, within the deadline, while another installation or removal holds the package. */
export async function removeComponents(host: ComponentsHost): Promise<void> {
    host.log("removing the VSS components", "status");
    while (!(await configure(host, { action: "Uninstall" }, commentFor(host.executionId)))) {
        await pauseWhileLocked(host, "Uninstall");
    }
}

/** @throws ComponentsError when the deadline would pass meanwhile */
export async function pauseWhileLocked(host: ComponentsHost, action: string): Promise<void> {
    if (performance.now() + timing.lockedPauseMs >= host.deadline) {
        throw new ComponentsError(
            `${action} of ${PACKAGE} did not succeed: another installation or removal of it is under way`,
        );
    }
    host.log("waiting for another installation or removal of the VSS components", "status");
    await pause(timing.lockedPauseMs, host.signal);
}

/** Asks for the removal and does not wait for it: for a process that is being ended. */
export async function requestRemoval({
    clients,
    instanceId,
    executionId,
    signal,
}: ComponentsHost): Promise<void> {
    const parameters = { action: "Uninstall", name: PACKAGE };
    const comment = commentFor(executionId);
    await sendCommand(clients, { instanceId, document: PACKAGE_DOCUMENT, parameters, comment }, signal);
}

async function configure(
    host: ComponentsHost,
    parameters: Readonly<Record<string, string>>,
    comment: string,
): Promise<boolean> {
    const end = await run(host, PACKAGE_DOCUMENT, { ...parameters, name: PACKAGE }, comment);
    if (end.status === "Success") {
        return true;
    }
    if (LOCKED.test(`${end.stdout}\n${end.stderr}`)) {
        return false;
    }
    throw new ComponentsError(`${parameters.action ?? ""} of ${PACKAGE} did not succeed`, end);
}

async function run(
    { clients, instanceId, executionId, deadline, signal }: ComponentsHost,
    document: string,
    parameters: Readonly<Record<string, string>>,
    comment = commentFor(executionId),
): Promise<CommandEnd> {
    const commandId = await sendCommand(clients, { instanceId, document, parameters, comment }, signal);
    return await awaitCommand(clients, instanceId, commandId, { deadline, signal });
}

/** What the commands on the instance tell of others who use the components. */
export interface OtherUsers {
    /** The components are there because an execution of ours installed them and could not remove them. */
    readonly leftBehind: boolean;
    /** Who else needs the components now: an execution of ours, or a command. */
    readonly user: string | undefined;
    /** Another execution of ours has asked for their removal since it was looked whether they are there. */
    readonly beingRemoved: boolean;
}

export async function otherUsers(host: ComponentsHost): Promise<OtherUsers> {
    const commands = await knownCommands(host.clients, host.instanceId, TELLING, host.signal);
    return judgeCommands(commands, host.executionId, host.clients.clock.now());
}

/**
 * Waits until nobody else uses the components, for a run that died is not told from one that is about to use them.
 * @throws ComponentsError when somebody still does at the deadline
 */
export async function waitUntilUnused(host: ComponentsHost): Promise<void> {
    let user: string | undefined;
    const isFree = await poll(
        async () => {
            ({ user } = await otherUsers(host));
            return user === undefined ? true : undefined;
        },
        {
            deadline: host.deadline,
            interval: timing.lockedPauseMs,
            signal: host.signal,
            onWait: () => host.log(`waiting for ${user ?? ""}, which uses the VSS components`, "status"),
        },
    );
    if (isFree === undefined) {
        throw new ComponentsError(
            `they are left for ${user ?? ""}, which uses them; that run or the next removes them`,
        );
    }
}

/** `commands`: the newest first. */
export function judgeCommands(
    commands: readonly KnownCommand[],
    executionId: string,
    now: number,
): OtherUsers {
    const others = commands.filter((command) => command.executionId !== executionId);
    const byExecution = Map.groupBy(
        others.filter((command) => command.executionId !== undefined),
        (command) => command.executionId,
    );
    return {
        leftBehind: isLeftBehind(commands.find(hasChangedComponents), executionId),
        user: nameOf(
            others.find((command) => mayRun(command, now) && takesSnapshots(command)) ??
                [...byExecution.values()].find((own) => isBeforeSnapshot(own, now))?.[0],
        ),
        beingRemoved: others.some((command) => isRemovalSince(command, lookedAt(commands, executionId), now)),
    };
}

function nameOf(user: KnownCommand | undefined): string | undefined {
    return user === undefined ? undefined : (user.executionId ?? `the command ${user.commandId}`);
}

/** What somebody else installed later, or what was meant to stay, is not ours to remove. */
function isLeftBehind(last: KnownCommand | undefined, executionId: string): boolean {
    return (
        last !== undefined &&
        packageAction(last) === "Install" &&
        last.executionId !== undefined &&
        last.executionId !== executionId &&
        !last.kept
    );
}

/** A command that was cancelled, or timed out, may have installed them all the same. */
function hasChangedComponents(command: KnownCommand): boolean {
    if (command.document === INSTALLING_DOCUMENT) {
        return command.executionId === undefined && command.status === "Success";
    }
    switch (packageAction(command)) {
        case "Install":
            return command.status !== "Failed";
        case "Uninstall":
            return command.status === "Success";
        default:
            return false;
    }
}

function packageAction({ document, parameters }: KnownCommand): string | undefined {
    return document === PACKAGE_DOCUMENT && parameters.name?.[0] === PACKAGE
        ? parameters.action?.[0]
        : undefined;
}

function takesSnapshots({ document }: KnownCommand): boolean {
    return SNAPSHOT_DOCUMENTS.includes(document);
}

/** Before its snapshot an execution asks, and may install: after that it needs nothing any more. */
function isBeforeSnapshot(own: readonly KnownCommand[], now: number): boolean {
    const [last] = own;
    return (
        last !== undefined &&
        !takesSnapshots(last) &&
        packageAction(last) !== "Uninstall" &&
        (mayRun(last, now) || now - last.requestedAt < timing.betweenCommandsMs)
    );
}

/** When this execution asked whether the components are there. */
function lookedAt(commands: readonly KnownCommand[], executionId: string): number {
    const look = commands.find(
        (command) => command.executionId === executionId && command.document === SCRIPT_DOCUMENT,
    );
    return look?.requestedAt ?? Infinity;
}

function isRemovalSince(command: KnownCommand, since: number, now: number): boolean {
    return packageAction(command) === "Uninstall" && (mayRun(command, now) || command.requestedAt >= since);
}
