import { setTimeout as sleep } from "node:timers/promises";
import type { SourceVolume } from "../aws/instance";
import { type Failure, SnapshotError, messageOf } from "../errors";
import type { ConsistencyLevel } from "../evidence";
import type { HooksQuiesce, ScriptSource, Timeouts } from "../inputs";
import { isHurried } from "../interrupt";
import { secretTable, secretsIn } from "../secretTable";
import {
    LineTimeout,
    OutputTooLong,
    type SshConnection,
    SshError,
    type SshSettings,
    connect,
} from "../ssh/connection";
import { timing } from "../timing";
import type { Undo } from "../undo";
import { lostConnection, refused, silent, stillFrozen, unexpected, unknownHost } from "./guardFailures";
import { type GuardLine, isAwake } from "./guardLine";
import { type GuardParams, type Hook, VMWARE_VERBS } from "./guardProgram";
import { type HostReport, parseHostReport } from "./hostReport";
import { GuardSession, NoGuard } from "./guardSession";
import { markHealed } from "./healed";
import { hold } from "./hold";
import { hostFailures, notCovered } from "./hostFailures";
import { QuiesceError } from "./quiesceError";
import type { Capture, Quiescer, SnapshotCall } from "./quiescer";

export interface HooksSettings {
    readonly executionId: string;
    readonly instanceId: string;
    /** EC2's name of the instance's state. */
    readonly state: string;
    readonly quiesce: HooksQuiesce;
    readonly timeouts: Timeouts;
    readonly minimumLevel: ConsistencyLevel;
    readonly excluded: readonly SourceVolume[];
    /** The host's boot id when an earlier execution froze it. */
    readonly frozenBootId?: string | undefined;
    /** Whether EC2 says that nothing can run, and so nothing be frozen, on the instance. */
    readonly isDown: () => Promise<boolean>;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
}

/** How long a guard stays ready for the word to freeze: the API slot may have a queue. Seconds. */
const READY_LIMIT_S = 900;
/** A guard's own pauses on top of the scripts' limits, for each of up to three tries. Seconds. */
const GUARD_MARGIN_S = 5;
/** Harmless, and the same for every login shell. cloud-init writes its result when its last stage is over. */
const ASK_BOOTING =
    "sh -c 'test -d /run/cloud-init && test ! -e /run/cloud-init/result.json && test ! -e /run/cloud-init/disabled && echo booting'";

export const defaultScripts = {
    preFreeze: "/usr/sbin/pre-freeze-script",
    postThaw: "/usr/sbin/post-thaw-script",
};

/** Quiesces a Linux instance by its pre-freeze and post-thaw scripts, through the guard, over SSH. */
export function hooks(settings: HooksSettings): Quiescer {
    return new Hooks(settings);
}

type ReadyLine = Extract<GuardLine, { kind: "ready" }>;
type GoneLine = Extract<GuardLine, { kind: "gone" }>;

class Hooks implements Quiescer {
    readonly takesSetItself = false;
    readonly #settings: HooksSettings;
    #connecting: Promise<SshConnection> | undefined;
    #connection: SshConnection | undefined;
    #guard: GuardSession | undefined;
    #ready: ReadyLine | undefined;
    #notCovered: string[] = [];
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
            return await this.#examine(this.#connection, deadline);
        } catch (error) {
            return [failureOf(error)];
        }
    }

    async deploy(undo: Undo): Promise<void> {
        const { signal, timeouts, instanceId, log } = this.#settings;
        const { preFreeze, freeze, postThaw } = timeouts;
        log(
            `quiescing ${instanceId} for ${preFreeze + freeze + postThaw} s at the very longest ` +
                `(limits: pre-freeze ${preFreeze}, freeze ${freeze}, post-thaw ${postThaw})`,
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

    async capture(reserve: () => Promise<SnapshotCall>): Promise<Capture> {
        const { quiesce, timeouts, log, signal } = this.#settings;
        if (this.#guard === undefined || this.#ready === undefined) {
            throw new TypeError("capture was called without deploy");
        }
        const call = await reserve();
        const recipe = quiesce.scripts?.recipe;
        return await hold(this.#guard, call, {
            level: quiesce.scripts?.level ?? "application",
            vouchedBy: recipe === undefined ? "script" : `recipe:${recipe}`,
            timeouts,
            secrets: secretsIn(secretTable.quiesce, quiesce),
            deployed: usesInlineScripts(quiesce),
            instanceId: this.#settings.instanceId,
            notCovered: this.#notCovered,
            ready: this.#ready,
            proveAwake: () => this.#proveAwake(),
            log,
            signal,
        });
    }

    async recover(executionId: string): Promise<void> {
        const { timeouts, frozenBootId } = this.#settings;
        const isFrozenHost = (gone: GoneLine) => isSameHost(gone, frozenBootId);
        await this.#recover(executionId, timeouts.connect * 1000, isFrozenHost);
    }

    async close(): Promise<void> {
        const connection = await this.#connecting?.catch(() => undefined);
        await connection?.close();
    }

    async #connect(timeoutMs: number): Promise<SshConnection> {
        const { quiesce, log, signal } = this.#settings;
        return await connect(quiesce.connection as SshSettings, { timeoutMs, log, signal });
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
                this.#tellOf(report);
                return failures;
            }
            await this.#awaitBoot();
        }
    }

    async #awaitBoot(): Promise<void> {
        const { log, signal } = this.#settings;
        log("waiting for cloud-init to finish on the instance");
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

    #tellOf({ marker, lock, bootId }: HostReport): void {
        const { log } = this.#settings;
        if (marker?.bootId === bootId && !lock.held) {
            log(`warning: ${marker.executionId} left the instance frozen (STALE_FREEZE); it is thawed first`);
        }
        if (this.#notCovered.length > 0) {
            log(`warning: in no snapshot, as they are on no EBS volume: ${this.#notCovered.join(", ")}`);
        }
    }

    async #awaitReady(guard: GuardSession): Promise<ReadyLine> {
        const { timeouts, signal, log } = this.#settings;
        const deadline = performance.now() + (timeouts.lock + timeouts.postThaw * 3) * 1000 + timing.checkMs;
        for (;;) {
            const event = await guard.next(deadline - performance.now(), signal);
            switch (event?.line.kind) {
                case "ready":
                    return event.line;
                case "recovered":
                    log(`thawed what ${event.line.executionId} had left frozen`);
                    markHealed(event.line.executionId);
                    break;
                case "refused":
                    throw refused(event.line.code, event.line.text, this.#settings.instanceId);
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
    async #proveAwake(): Promise<boolean> {
        const { executionId, quiesce, isDown, log, signal } = this.#settings;
        if (isHurried(signal)) {
            return false;
        }
        try {
            // With the settings of the very connection over which it was frozen.
            const trusted = quiesce.verifyInstanceIdentity === false;
            await this.#recover(
                executionId,
                timing.reconnectMs,
                (gone) => trusted || isSameHost(gone, this.#ready?.bootId),
            );
            return true;
        } catch (error) {
            log(`warning: ${messageOf(error)}`);
            return await isDown().catch((problem: unknown) => {
                log(`warning: ${messageOf(problem)}`);
                return false;
            });
        }
    }

    /** Under the host's lock, and only if the marker of this very execution is there. */
    async #recover(
        executionId: string,
        limitMs: number,
        isFrozenHost: (gone: GoneLine) => boolean,
    ): Promise<void> {
        const connection = await this.#connect(limitMs);
        try {
            const params = { ...this.#params("recover"), executionId };
            const longestMs = (params.limits.lock + this.#longestThaw()) * 1000 + timing.checkMs;
            const signal = AbortSignal.timeout(longestMs);
            const guard = await GuardSession.start(connection, params, signal);
            for (const { line } of await guard.all(longestMs, signal)) {
                if (line.kind === "gone" && !isFrozenHost(line)) {
                    throw new SnapshotError(unknownHost());
                }
                if (line.kind === "gone" || (line.kind === "thawed" && isAwake(line.end))) {
                    this.#recoveredClean = line.kind === "gone" || guard.clean;
                    return;
                }
                if (line.kind === "refused") {
                    throw refused(line.code, line.text, this.#settings.instanceId);
                }
            }
            throw new SnapshotError(stillFrozen());
        } catch (error) {
            throw error instanceof SnapshotError
                ? error
                : new SnapshotError(failureOf(error), { cause: error });
        } finally {
            await connection.close();
        }
    }

    #longestThaw(): number {
        return 3 * (this.#settings.timeouts.postThaw + GUARD_MARGIN_S);
    }

    #params(mode: GuardParams["mode"]): Omit<GuardParams, "nonce"> {
        const { executionId, instanceId, quiesce, timeouts } = this.#settings;
        const { preFreeze, freeze, postThaw } = timeouts;
        // Our own guard may still hold the lock for as long as a freeze can last.
        const lock = mode === "recover" ? preFreeze + freeze + this.#longestThaw() : timeouts.lock;
        return {
            mode,
            executionId,
            owner: "",
            confirmedAwake: "",
            rehearse: false,
            instanceId,
            sudo: quiesce.sudo ?? quiesce.connection.user !== "root",
            verifyIdentity: quiesce.verifyInstanceIdentity ?? true,
            preFreeze: hookOf(quiesce.scripts?.preFreeze, defaultScripts.preFreeze),
            postThaw: hookOf(quiesce.scripts?.postThaw, defaultScripts.postThaw),
            // Users' own scripts need not know it, and might take it for `freeze`.
            verbs: quiesce.scripts?.recipe === undefined ? VMWARE_VERBS : { ...VMWARE_VERBS, check: "check" },
            environment: quiesce.environment ?? {},
            limits: { lock, wait: READY_LIMIT_S, preFreeze, freeze, postThaw },
            showHookOutput: quiesce.showHookOutput === "onFailure",
        };
    }
}

/** Whether a host that has nothing of an execution is the one that this execution had frozen. */
export function isSameHost({ identity, bootId }: GoneLine, frozenBootId: string | undefined): boolean {
    return identity === "dmi" || identity === "imds" || bootId === frozenBootId;
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
    if (error instanceof SshError) {
        return { code: error.code, message: `${error.message}.`, remedy: `${error.remedy}.` };
    }
    if (error instanceof NoGuard || error instanceof SnapshotError) {
        return error.failure;
    }
    throw error;
}

function notRunning(state: string): Failure {
    return {
        code: "INSTANCE_STATE",
        message: `The instance is ${state}: only a running one can be quiesced by scripts.`,
        remedy: 'Start it, or use { method: "none" } for a stopped instance.',
    };
}
