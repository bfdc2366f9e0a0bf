import type { Log } from "../../base/log";
import { setTimeout as sleep } from "node:timers/promises";
import type { SourceVolume } from "../../aws/instance";
import { type Failure, type HookOutput, messageOf } from "../../base/errors";
import type { ConsistencyLevel } from "../../base/evidence";
import type { HooksQuiesce, ScriptSource } from "../../inputs/inputs";
import { type Timeouts, longestFreeze, longestThaw } from "../../inputs/timeouts";
import { isHurried } from "../../base/interruption";
import { secretTable, secretsIn } from "../../base/secretTable";
import {
    type AwsAccess,
    LineTimeout,
    OutputTooLong,
    type SshConnection,
    SshError,
    type SshSettings,
    connect,
} from "../../transport/ssh/connection";
import { timing } from "../../base/timing";
import type { Undo } from "../../base/undo";
import { lostConnection, refused, silent, unexpected } from "./guardFailures";
import type { GuardLine } from "./guardLine";
import { type GuardParams, type Hook, VMWARE_VERBS } from "./guardProgram";
import { type HostReport, parseHostReport } from "./hostReport";
import { GuardSession, NoGuard } from "./guardSession";
import { hold, hookOutput, unfrozeText } from "./hold";
import { hostFailures, isStale, notCovered } from "./hostFailures";
import { knownFailure } from "./knownFailure";
import { reachOf } from "./reachOf";
import { QuiesceError } from "../quiesceError";
import type { Held, Holding, NotAwake, Quiescer } from "../quiescer";
import { recoverHost } from "./recovery";
import { defaultScripts } from "./standardPaths";

export interface HooksSettings {
    readonly executionId: string;
    readonly instanceId: string;
    /** EC2's name of the instance's state. */
    readonly state: string;
    readonly quiesce: HooksQuiesce;
    readonly timeouts: Timeouts;
    readonly minimumLevel: ConsistencyLevel;
    readonly excluded: readonly SourceVolume[];
    /** An execution that has left nothing frozen, by the user's word; or "". */
    readonly confirmedAwake: string;
    /** Digest of the resource's URN, by which the host knows what was its freeze; or "". */
    readonly owner: string;
    /** The host's boot id when an earlier execution froze it. */
    readonly frozenBootId?: string | undefined;
    /** Whether the instance was started so short a time ago that it may still get its users. Default: no. */
    readonly isYoung?: (() => boolean) | undefined;
    /** Whether EC2 says that nothing can run, and so nothing be frozen, on the instance. */
    readonly isDown: () => Promise<boolean>;
    /** Is told of an earlier execution whose freeze is over. */
    readonly onHealed: (executionId: string) => void;
    readonly aws: AwsAccess;
    readonly log: Log;
    readonly signal: AbortSignal;
}

/** How long a guard stays ready for the word to freeze: the API slot may have a queue. Seconds. */
const READY_LIMIT_S = 900;
/** Harmless, and the same for every login shell. cloud-init writes its result when its last stage is over. */
const ASK_BOOTING =
    "sh -c 'test -d /run/cloud-init && test ! -e /run/cloud-init/result.json && test ! -e /run/cloud-init/disabled && echo booting'";

/** Quiesces a Linux instance by its pre-freeze and post-thaw scripts, through the guard, over SSH. */
export function hooks(settings: HooksSettings): Quiescer {
    return new Hooks(settings);
}

type ReadyLine = Extract<GuardLine, { kind: "ready" }>;
type GoneLine = Extract<GuardLine, { kind: "gone" }>;

class Hooks implements Holding {
    readonly #settings: HooksSettings;
    #connecting: Promise<SshConnection> | undefined;
    #connection: SshConnection | undefined;
    #guard: GuardSession | undefined;
    #ready: ReadyLine | undefined;
    #notCovered: string[] = [];
    /** The execution that had the host when it was examined. */
    #lockedBy: string | undefined;
    /** A fresh connection found, or made, that nothing of the execution is on the host. */
    #recoveredClean = false;

    constructor(settings: HooksSettings) {
        this.#settings = settings;
    }

    async preconditions(): Promise<Failure[]> {
        const { state, timeouts } = this.#settings;
        if (state !== "running" && state !== "pending") {
            return [notRunning(state)];
        }
        const deadline = performance.now() + timeouts.connect * 1000;
        try {
            this.#connecting = this.#connect(timeouts.connect * 1000);
            this.#connection = await this.#connecting;
            this.#settings.log("looking at sudo, the scripts and the lock on the instance", "status");
            return await this.#examine(this.#connection, deadline);
        } catch (error) {
            return [failureOf(error)];
        }
    }

    async deploy(undo: Undo): Promise<void> {
        const { signal, timeouts, instanceId, log } = this.#settings;
        const { preFreeze, freeze, postThaw } = timeouts;
        log(
            `quiescing ${instanceId} for ${longestFreeze(timeouts)} s at the very longest ` +
                `(limits: pre-freeze ${preFreeze} s, freeze ${freeze} s, post-thaw ${postThaw} s for each of three tries)`,
        );
        if (this.#connection === undefined) {
            throw new TypeError("deploy was called without preconditions");
        }
        try {
            undo.cleanUp("remove what was put on the host", () => this.#dismiss());
            const guard = await GuardSession.start(this.#connection, this.#params("freeze"), signal);
            this.#guard = guard;
            this.#ready = await this.#awaitReady(guard);
        } catch (error) {
            if (error instanceof SshError || error instanceof NoGuard) {
                throw new QuiesceError(failureOf(error), { awake: true, mayFallBack: true });
            }
            throw error;
        }
    }

    async freeze(givenUp: AbortSignal): Promise<Held> {
        const { quiesce, timeouts, log, signal } = this.#settings;
        if (this.#guard === undefined || this.#ready === undefined) {
            throw new TypeError("freeze was called without deploy");
        }
        const recipe = quiesce.scripts?.recipe;
        return await hold(this.#guard, {
            level: quiesce.scripts?.level ?? "application",
            vouchedBy: recipe === undefined ? "script" : `recipe:${recipe}`,
            timeouts,
            secrets: secretsIn(secretTable.quiesce, quiesce),
            deployed: usesInlineScripts(quiesce),
            instanceId: this.#settings.instanceId,
            notCovered: this.#notCovered,
            reach: reachOf(quiesce.connection),
            ready: this.#ready,
            proveAwake: () => this.#proveAwake(),
            log,
            signal,
            givenUp,
        });
    }

    async recover(executionId: string): Promise<NotAwake | undefined> {
        const { frozenBootId } = this.#settings;
        return await this.#recover(executionId, (gone) => isSameHost(gone, frozenBootId));
    }

    async close(): Promise<void> {
        const connection = await this.#connecting?.catch(() => undefined);
        await connection?.close();
    }

    async #connect(timeoutMs: number, signal = this.#settings.signal): Promise<SshConnection> {
        const { quiesce, instanceId, aws, isYoung, log } = this.#settings;
        const { host = instanceId, port = 22 } = quiesce.connection;
        log(`connecting to ${host}:${port}`, "status");
        return await connect(quiesce.connection as SshSettings, {
            timeoutMs,
            instanceId,
            aws,
            isYoung,
            log,
            signal,
        });
    }

    /** A host whose cloud-init still runs may lack scripts and rights that it gets in a moment. */
    async #examine(connection: SshConnection, deadline: number): Promise<Failure[]> {
        const { quiesce, minimumLevel } = this.#settings;
        for (;;) {
            const report = await this.#check(connection).catch(async (error: unknown) => {
                const hopeful = error instanceof NoGuard && performance.now() <= deadline;
                if (!hopeful || !(await this.#boots(connection))) {
                    throw error;
                }
            });
            if (report === undefined) {
                await this.#awaitBoot();
                continue;
            }
            const failures = hostFailures(report, {
                instanceId: this.#settings.instanceId,
                sudo: usesSudo(quiesce),
                confirmedAwake: this.#settings.confirmedAwake,
                verifyIdentity: quiesce.verifyInstanceIdentity ?? true,
                preFreezePath: pathOf(quiesce.scripts?.preFreeze, defaultScripts.preFreeze),
                postThawPath: pathOf(quiesce.scripts?.postThaw, defaultScripts.postThaw),
                lock: this.#settings.timeouts.lock,
                levelNeeded: minimumLevel !== "crash",
                excluded: this.#settings.excluded,
            });
            const hopeful = failures.every((failure) => failure.code !== "WRONG_INSTANCE");
            if (!report.booting || failures.length === 0 || !hopeful || performance.now() > deadline) {
                this.#notCovered = notCovered(report);
                this.#lockedBy = report.lock.held ? report.lock.executionId : undefined;
                this.#tellOf(report);
                return failures;
            }
            await this.#awaitBoot();
        }
    }

    async #awaitBoot(): Promise<void> {
        const { log, signal } = this.#settings;
        log("waiting for cloud-init to finish on the instance", "status");
        await sleep(timing.bootPauseMs, undefined, { signal });
    }

    /** Whether cloud-init still runs, asked without the rights that it may be about to give. */
    async #boots(connection: SshConnection): Promise<boolean> {
        const { signal } = this.#settings;
        const channel = await connection.exec(ASK_BOOTING, { signal });
        try {
            return (await channel.nextLine(timing.checkMs, signal)) === "booting";
        } catch (error) {
            signal.throwIfAborted();
            if (error instanceof LineTimeout || error instanceof OutputTooLong) {
                return false;
            }
            throw error;
        } finally {
            channel.close();
        }
    }

    async #check(connection: SshConnection): Promise<HostReport> {
        const { signal } = this.#settings;
        const guard = await GuardSession.start(connection, this.#params("check"), signal);
        const events = await guard.all(timing.checkMs, signal);
        return parseHostReport(events.map((event) => event.text));
    }

    #tellOf(report: HostReport): void {
        const { confirmedAwake, log } = this.#settings;
        if (isStale(report, confirmedAwake)) {
            log(
                `warning: ${report.marker?.executionId ?? ""} left the instance frozen (STALE_FREEZE); it is thawed first`,
            );
        }
        if (this.#notCovered.length > 0) {
            log(`warning: in no snapshot, as they are on no EBS volume: ${this.#notCovered.join(", ")}`);
        }
    }

    async #awaitReady(guard: GuardSession): Promise<ReadyLine> {
        const { timeouts, quiesce, signal, log, onHealed } = this.#settings;
        // The marker's post-thaw, that of the present inputs, and the rehearsal.
        const longestMs = (timeouts.lock + longestThaw(timeouts) * 3) * 1000 + timing.checkMs;
        const deadline = performance.now() + longestMs;
        let output: HookOutput = {};
        if (this.#lockedBy !== undefined) {
            log(
                `waiting for ${this.#lockedBy} to let go of the instance, for ${timeouts.lock} s at most`,
                "status",
            );
        }
        for (;;) {
            const event = await guard.next(deadline - performance.now(), signal);
            switch (event?.line.kind) {
                case "ready":
                    return event.line;
                case "recovered":
                    log(recoveredText(event.line));
                    onHealed(event.line.executionId);
                    break;
                case "confirmed":
                    log(confirmedText(event.line.executionId));
                    onHealed(event.line.executionId);
                    break;
                case "unfroze":
                    log(unfrozeText(event.line.mountPoint));
                    break;
                case "tried":
                case "rehearsed":
                    // What comes of it follows.
                    break;
                case "output":
                    output = {
                        ...output,
                        ...hookOutput(event.line, secretsIn(secretTable.quiesce, quiesce)),
                    };
                    break;
                case "refused":
                    throw refused(event.line.code, event.line.text, this.#settings.instanceId, output);
                case undefined:
                    throw new QuiesceError(
                        guard.ended
                            ? lostConnection("before anything was frozen")
                            : silent("before anything was frozen"),
                        { awake: true, mayFallBack: true },
                    );
                default:
                    throw new QuiesceError(unexpected(event?.text ?? ""), { awake: true, mayFallBack: true });
            }
        }
    }

    /** Ends the guard's input, upon which it removes what it put on the host; fails when that is not known to be done. */
    async #dismiss(): Promise<void> {
        const guard = this.#guard;
        if (guard === undefined) {
            return;
        }
        guard.letGo();
        await guard.all(timing.checkMs, AbortSignal.timeout(timing.checkMs));
        if (guard.left !== undefined) {
            throw new Error(`the host still has ${guard.left}`);
        }
        if (usesInlineScripts(this.#settings.quiesce) && !guard.clean && !this.#recoveredClean) {
            throw new Error("the host did not say that the scripts are removed");
        }
    }

    /** Within the run: one fresh connection to a host whose guard did not report that it is awake. */
    async #proveAwake(): Promise<NotAwake | undefined> {
        const { executionId, quiesce, isDown, log, signal } = this.#settings;
        if (isHurried(signal)) {
            return {};
        }
        // With the settings of the very connection over which it was frozen.
        const trusted = quiesce.verifyInstanceIdentity === false;
        const problem = await this.#recover(
            executionId,
            (gone) => trusted || isSameHost(gone, this.#ready?.bootId),
        );
        if (problem === undefined) {
            return undefined;
        }
        log(
            `warning: ${problem.obstacle?.message ?? "the post-thaw script fails over a fresh connection, too"}`,
        );
        const down = await isDown().catch((error: unknown) => {
            log(`warning: ${messageOf(error)}`);
            return false;
        });
        return down ? undefined : problem;
    }

    /** Under the host's lock, and only if the marker of this very execution is there. */
    async #recover(
        executionId: string,
        isFrozenHost: (gone: GoneLine) => boolean,
    ): Promise<NotAwake | undefined> {
        const { quiesce, timeouts, isDown, log, signal } = this.#settings;
        log("asking the instance whether it is awake", "status");
        const params = { ...this.#params("recover"), executionId };
        const recovered = await recoverHost({
            params,
            // The marker's post-thaw, and that of the present inputs.
            longestMs: (params.limits.lock + longestThaw(timeouts) * 2) * 1000 + timing.checkMs,
            connect: (timeoutMs, limited) => this.#connect(timeoutMs, limited),
            connectMs: timeouts.connect * 1000,
            isDown,
            isFrozenHost,
            secrets: secretsIn(secretTable.quiesce, quiesce),
            signal,
        });
        this.#recoveredClean = recovered.clean;
        return recovered.problem;
    }

    #params(mode: GuardParams["mode"]): Omit<GuardParams, "nonce"> {
        const { executionId, instanceId, quiesce, timeouts } = this.#settings;
        const { preFreeze, freeze, postThaw } = timeouts;
        // Our own guard may still hold the lock for as long as a freeze can last.
        const lock = mode === "recover" ? longestFreeze(timeouts) : timeouts.lock;
        return {
            mode,
            executionId,
            instanceId,
            sudo: usesSudo(quiesce),
            verifyIdentity: quiesce.verifyInstanceIdentity ?? true,
            preFreeze: hookOf(quiesce.scripts?.preFreeze, defaultScripts.preFreeze),
            postThaw: hookOf(quiesce.scripts?.postThaw, defaultScripts.postThaw),
            // Users' own scripts need not know it, and might take it for `freeze`.
            verbs: quiesce.scripts?.recipe === undefined ? VMWARE_VERBS : { ...VMWARE_VERBS, check: "check" },
            environment: quiesce.environment ?? {},
            limits: { lock, wait: READY_LIMIT_S, preFreeze, freeze, postThaw },
            showHookOutput: quiesce.showHookOutput === "onFailure",
            rehearse: quiesce.scripts?.rehearse ?? true,
            confirmedAwake: this.#settings.confirmedAwake,
            owner: this.#settings.owner,
        };
    }
}

/** Whether a host that has nothing of an execution is the one that this execution had frozen. */
export function isSameHost({ identity, bootId }: GoneLine, frozenBootId: string | undefined): boolean {
    return identity === "dmi" || identity === "imds" || bootId === frozenBootId;
}

function usesSudo({ sudo, connection }: HooksQuiesce): boolean {
    return sudo ?? connection.user !== "root";
}

function recoveredText({ executionId, current }: Extract<GuardLine, { kind: "recovered" }>): string {
    const by = current ? ", by the present post-thaw script, as its own failed" : "";
    return `thawed what ${executionId} had left frozen${by}`;
}

function confirmedText(executionId: string): string {
    return `warning: confirmAwake: the marker of ${executionId} is removed, and its post-thaw was not run`;
}

function hookOf(source: ScriptSource | undefined, standardPath: string): Hook {
    return source?.script === undefined ? { path: source?.path ?? standardPath } : { script: source.script };
}

function pathOf(source: ScriptSource | undefined, standardPath: string): string | undefined {
    const hook = hookOf(source, standardPath);
    return "path" in hook ? hook.path : undefined;
}

function usesInlineScripts({ scripts }: HooksQuiesce): boolean {
    return scripts?.preFreeze?.script !== undefined || scripts?.postThaw?.script !== undefined;
}

function failureOf(error: unknown): Failure {
    const failure = knownFailure(error);
    if (failure === undefined) {
        throw error;
    }
    return failure;
}

function notRunning(state: string): Failure {
    return {
        code: "INSTANCE_STATE",
        message: `The instance is ${state}: only a running one can be quiesced by scripts.`,
        remedy: 'Start it, or use { method: "none" } for a stopped instance.',
    };
}
