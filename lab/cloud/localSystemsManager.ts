import type { LocalCloud } from "./localCloud";

export type CommandStatus =
    "Pending" | "Delayed" | "InProgress" | "Success" | "Failed" | "TimedOut" | "Cancelling" | "Cancelled";

const ENDED: CommandStatus[] = ["Success", "Failed", "TimedOut", "Cancelled"];

/** What is left out stays as it is. */
export interface ManagedSpec {
    /** Default `Online`. */
    pingStatus?: "Online" | "ConnectionLost" | "Inactive";
    /** Default: a recent one. */
    agentVersion?: string;
    /** Default `Windows`. */
    platformType?: "Windows" | "Linux";
    platformName?: string;
    platformVersion?: string;
    /**
     * The command line that runs a script, its last argument, on the instance: AWS-RunShellScript by it is real. Default:
     * none, and the document fails.
     */
    shell?: readonly string[];
    /**
     * SendCommand to an instance that is not `Online`: `InvalidInstanceId`, or the command is taken and `Delayed` until
     * the instance is `Online` or the delivery times out. AWS documents both. Default true.
     */
    refusesWhenUnreachable?: boolean;
    /** The version of AwsVssComponents that is installed; null: none. Default null. */
    components?: string | null;
}

export interface ManagedInstance {
    instanceId: string;
    /** For `accessKeyId` of faults: the calls that the agent makes with the instance's role. */
    roleAccessKeyId: string;
    pingStatus: string;
    agentVersion: string;
    platformType: string;
    componentsVersion: string | null;
    /** Versions before 2.3.2 leave the VSS provider registered when they are removed. */
    providerRegistered: boolean;
    /** The action that holds the lock of the package. */
    busyWith: string | null;
    /** VSS holds the file systems: while the agent has EC2 take the snapshots. */
    frozen: boolean;
}

/** Which commands are meant. */
export interface CommandMatch {
    document?: string;
    /** Only commands with these values, such as `{ action: "Uninstall" }`. */
    parameters?: Record<string, string>;
    instanceId?: string;
    /** The next so many. Default: all until `reset`. */
    times?: number;
    /** Lets the first so many pass. Default 0. */
    skip?: number;
}

export type VssFailure =
    /** Nothing is snapshotted: "timeout waiting for VSS Freeze". */
    | "freezeTimedOut"
    /** Nothing is snapshotted; not with `NoWriters`. */
    | "writerFailed"
    /** Nothing is done. */
    | "languageMode"
    /** Nothing is done: no way to EC2 from the instance. */
    | "endpointUnreachable"
    /** Snapshots without `Device` and `AppConsistent`, and the command fails. */
    | "thawPipeTimedOut"
    | "thawFailed"
    | "taggingFailed"
    /** Snapshots without `Device` and `AppConsistent`, and no answer until the command is cancelled or times out. */
    | "hangsAfterSnapshots"
    /** The command succeeds: with snapshots of half of the volumes (the boot volume is among them). */
    | "halfOfVolumes"
    /** The command succeeds: the last snapshot has no `AppConsistent`. */
    | "oneNotConsistent"
    /** The command succeeds: `AppConsistent` is `False`. */
    | "notConsistent";

/** How commands go; milliseconds. */
export interface CommandCourse {
    /** How long all but SendCommand do not know of the command. Default 0. */
    invisibleMs?: number;
    /**
     * `delayed`: `Delayed` for `delayMs`, or until the delivery times out. `never`: `Pending` for ever.
     * Default `prompt`.
     */
    delivery?: "prompt" | "delayed" | "never" | "undeliverable" | "terminated";
    /** Time in `Pending`. Default 20. */
    deliveryMs?: number;
    delayMs?: number;
    /** Default: the command's TimeoutSeconds. */
    deliveryTimeoutMs?: number;
    /** How long each step works. Default 20. */
    stepMs?: number;
    /** Of the step `step`; default the first one. `hang`: until it is cancelled or times out. Default `succeed`. */
    outcome?: "succeed" | "fail" | "hang";
    step?: string;
    /** Of each step. Default: the document's. */
    executionTimeoutMs?: number;
    /** CancelCommand only makes it `Cancelling`; it goes on, and may still succeed. Default false. */
    ignoresCancel?: boolean;
    vss?: VssFailure;
    /** With `CreateAmi` the document tags the image alone, or its snapshots too. Default false. */
    tagsSnapshotsOfImage?: boolean;
    /** CreateSnapshots or CreateImage that takes longer: as `thawPipeTimedOut`. Default: VSS's own, 10,000. */
    freezeWindowMs?: number;
    /** Printed by each step in place of its own. */
    output?: string;
    errorOutput?: string;
}

export interface CloudCommand {
    commandId: string;
    document: string;
    parameters: Record<string, string[]>;
    comment: string;
    instanceIds: string[];
    /** On the first of its instances. */
    status: CommandStatus;
    statusDetails: string;
    steps: { name: string; status: string; stdout: string; stderr: string }[];
}

/** How sessions go. */
export interface SessionCourse {
    /** Of the messages each way, this part comes behind its successor. Default 0.02. */
    swapped?: number;
    /** Of the messages each way, this part is lost, until it is sent again. Default 0. */
    lost?: number;
    /** Until the agent is connected to the port. Meanwhile it takes no data, and does not acknowledge them. Default 5. */
    readyMs?: number;
    /** The maximum duration that the account has set. Default: none. */
    longestMs?: number;
    /** The first token has expired when the data channel is opened. Default false. */
    refusesToken?: boolean;
}

export interface CloudSession {
    id: string;
    target: string;
    port: number;
    state: "Connected" | "Terminated";
    /** Data channels that are open. */
    clients: number;
    /** Data channels that were ever opened. */
    opened: number;
    token: string;
}

export interface StepGate {
    /** Fails after the limit. */
    reached(options?: { limitMs?: number }): Promise<void>;
    release(): Promise<void>;
}

export interface ScriptAnswer {
    /** `${version}` and `${providerRegistered}` stand for the state of AwsVssComponents, as JSON. */
    output?: string;
    errorOutput?: string;
    exitCode?: number;
}

/**
 * What tests tell the Systems Manager of a local cloud. Faults, gates, denials, throttling, latency and the journal are
 * the cloud's own, for all services.
 */
export class LocalSystemsManager {
    constructor(private readonly cloud: LocalCloud) {}

    /** Has Systems Manager manage an instance of the cloud; or changes one that it manages. */
    async manage(
        instanceId: string,
        spec: ManagedSpec = {},
        { region = this.cloud.region, accountId }: { region?: string; accountId?: string } = {},
    ): Promise<ManagedInstance> {
        const changes = withoutUndefined({
            ping_status: spec.pingStatus,
            agent_version: spec.agentVersion,
            platform_type: spec.platformType,
            platform_name: spec.platformName,
            platform_version: spec.platformVersion,
            shell: spec.shell,
            refuses_when_unreachable: spec.refusesWhenUnreachable,
        });
        await this.cloud.control("manage_instance", {
            region,
            instance_id: instanceId,
            account_id: accountId ?? null,
            changes,
        });
        if (spec.components !== undefined) {
            const installed = { version: spec.components, provider_registered: spec.components !== null };
            await this.changeComponents(instanceId, installed);
        }
        return this.managed(instanceId);
    }

    /** As if the agent had never reported. */
    unmanage(instanceId: string): Promise<void> {
        return this.cloud.control("unmanage_instance", { instance_id: instanceId });
    }

    managed(instanceId: string): Promise<ManagedInstance> {
        return this.cloud.control("managed_instance", { instance_id: instanceId });
    }

    /** Another action holds the package's lock until `unlockPackage` or `reset`; `other`: another process does. */
    lockPackage(instanceId: string, action: "Install" | "Uninstall" | "other" = "Install"): Promise<void> {
        return this.changeComponents(instanceId, { busy_with: action });
    }

    unlockPackage(instanceId: string): Promise<void> {
        return this.changeComponents(instanceId, { busy_with: null });
    }

    /** The IAM actions of the instance's role. Default: those of AWSEC2VssSnapshotPolicy. */
    allowInstance(instanceId: string, actions: string[]): Promise<void> {
        return this.cloud.control("set_instance_role", { instance_id: instanceId, actions });
    }

    /** The region has no such document, until `reset`. */
    removeDocument(name: string, region = this.cloud.region): Promise<void> {
        return this.cloud.control("set_document", { region, name, exists: false });
    }

    /** For commands sent from now on; all courses that a command meets apply, the later ones last. */
    setCourse(course: CommandCourse, match: CommandMatch = {}): Promise<void> {
        return this.cloud.control("add_course", {
            changes: withoutUndefined({
                invisible_ms: course.invisibleMs,
                delivery: course.delivery,
                delivery_ms: course.deliveryMs,
                delay_ms: course.delayMs,
                delivery_timeout_ms: course.deliveryTimeoutMs,
                step_ms: course.stepMs,
                outcome: course.outcome,
                step: course.step,
                execution_timeout_ms: course.executionTimeoutMs,
                ignores_cancel: course.ignoresCancel,
                vss: course.vss,
                tags_snapshots_of_image: course.tagsSnapshotsOfImage,
                freeze_window_ms: course.freezeWindowMs,
                output: course.output,
                error_output: course.errorOutput,
            }),
            match: matching(match),
        });
    }

    /**
     * Commands that fit wait at work in their first step, or in the one that is named; in force when this resolves. A
     * gate at the agent's calls to EC2 is one of the cloud's.
     */
    async hold(match: CommandMatch & { step?: string }): Promise<StepGate> {
        const number = await this.cloud.control<number>("add_step_gate", {
            step: match.step ?? null,
            match: matching(match),
        });
        return {
            reached: async ({ limitMs = 30_000 } = {}) => {
                const wait = { number, seconds: limitMs / 1000 };
                if (!(await this.cloud.control<boolean>("await_step_gate", wait, limitMs + 60_000))) {
                    throw new Error(
                        `no command ${JSON.stringify(match)} came to the gate within ${limitMs} ms`,
                    );
                }
            },
            release: () => this.cloud.control("release_step_gate", { number }),
        };
    }

    /** What AWS-RunPowerShellScript answers to scripts that fit. By default, to those that name AwsVssComponents: `{"version":${version}}`. */
    answerScripts(pattern: RegExp, answer: ScriptAnswer): Promise<void> {
        return this.cloud.control("add_responder", {
            pattern: pattern.source,
            output: answer.output ?? "",
            error_output: answer.errorOutput ?? "",
            exit_code: answer.exitCode ?? 0,
        });
    }

    /** For sessions that are started from now on; what is left out is ordinary. */
    setSessionCourse(course: SessionCourse): Promise<void> {
        return this.cloud.control("set_session_course", {
            changes: withoutUndefined({
                swapped: course.swapped,
                lost: course.lost,
                ready_ms: course.readyMs,
                longest_ms: course.longestMs,
                refuses_token: course.refusesToken,
            }),
        });
    }

    /** All that were ever started, in this order. */
    sessions(): Promise<CloudSession[]> {
        return this.cloud.control("sessions");
    }

    /** As an administrator does it, or the service. */
    endSessions(reason: string): Promise<void> {
        return this.cloud.control("end_sessions", { reason });
    }

    /** Cuts what clients have open, without a close. The sessions go on, so that clients may resume them. */
    cutDataChannels(): Promise<void> {
        return this.cloud.control("cut_data_channels");
    }

    /** Resolves when a client has a data channel to each session that has not ended. Fails after the limit. */
    async resumed({ limitMs = 20_000 } = {}): Promise<void> {
        if (
            !(await this.cloud.control<boolean>(
                "await_resumed",
                { seconds: limitMs / 1000 },
                limitMs + 60_000,
            ))
        ) {
            throw new Error(`sessions have no client: ${JSON.stringify(await this.sessions())}`);
        }
    }

    /** Resolves when all sessions have ended, and nobody has a data channel to one. Fails after the limit. */
    async noSessionLeft({ limitMs = 10_000 } = {}): Promise<void> {
        const wait = { seconds: limitMs / 1000 };
        if (!(await this.cloud.control<boolean>("await_no_session", wait, limitMs + 60_000))) {
            throw new Error(`sessions are left: ${JSON.stringify(await this.sessions())}`);
        }
    }

    /** All that were ever sent, in this order, also those that the API does not show yet. */
    commands(): Promise<CloudCommand[]> {
        return this.cloud.control("commands");
    }

    /** Resolves when every command that was sent so far has ended. */
    async allEnded(): Promise<void> {
        for (const { commandId } of await this.commands()) {
            await this.reached({ commandId });
        }
    }

    /** Resolves when a command that fits is in one of these states; default: when it has ended. Fails after the limit. */
    async reached(
        match: Pick<CommandMatch, "document" | "parameters" | "skip"> & { commandId?: string },
        { statuses = ENDED, limitMs = 30_000 }: { statuses?: CommandStatus[]; limitMs?: number } = {},
    ): Promise<CloudCommand> {
        const wait = {
            command_id: match.commandId ?? null,
            document: match.document ?? null,
            parameters: match.parameters ?? {},
            skip: match.skip ?? 0,
            statuses,
            seconds: limitMs / 1000,
        };
        const command = await this.cloud.control<CloudCommand | null>(
            "await_command",
            wait,
            limitMs + 60_000,
        );
        if (command === null) {
            throw new Error(
                `no command ${JSON.stringify(match)} was ${statuses.join("/")} within ${limitMs} ms`,
            );
        }
        return command;
    }

    private changeComponents(instanceId: string, changes: object): Promise<void> {
        return this.cloud.control("change_components", { instance_id: instanceId, changes });
    }
}

function matching(match: CommandMatch): object {
    return withoutUndefined({
        document: match.document,
        parameters: match.parameters,
        instance_id: match.instanceId,
        times: match.times,
        skip: match.skip,
    });
}

function withoutUndefined(values: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
