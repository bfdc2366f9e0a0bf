import { assert } from "chai";
import { configure, create, diff, remove, update } from "./lifecycle";
import type { HooksQuiesce, SnapshotInputs } from "../../provider/inputs/inputs";
import type { SnapshotState } from "../../provider/run/state";
import type { CloudCall, CloudInstance, InstanceSpec, LocalCloud } from "../cloud/localCloud";
import { sharedCloud, useCloud } from "../cloud/sharedCloud";
import type { HostProcess } from "../hosts/hostProcesses";
import { type SshHost, type SshHostOptions, startSshHost } from "../hosts/sshHost";

export interface SceneOptions {
    readonly host?: Omit<SshHostOptions, "instanceId">;
    readonly instance?: InstanceSpec;
    /** The host's sshd asks for the keys of EC2 Instance Connect. Default: false. */
    readonly instanceConnect?: boolean;
    /** More of the environment, such as AWS_PROFILE. */
    readonly env?: Readonly<Record<string, string>>;
}

type Connection = HooksQuiesce["connection"];

/** What a run's inputs are beside, or instead of, the scene's own. */
export interface Changes extends Partial<Omit<SnapshotInputs, "quiesce">> {
    readonly quiesce?: Partial<Omit<HooksQuiesce, "method" | "connection">> | { readonly method: "none" };
    readonly connection?: Partial<Connection>;
}

type State = SnapshotState & Pick<SnapshotInputs, "instanceId">;

/** How a run ended: with a state, or with an error (an "init error" when it has an id and properties). */
export interface Outcome {
    readonly id: string;
    readonly inputs: SnapshotInputs;
    readonly state: State | undefined;
    readonly error: (Error & { id?: string; properties?: State; reasons?: string[] }) | undefined;
    /** What was logged meanwhile. */
    readonly lines: readonly string[];
    /** What the hooks told the host meanwhile. */
    readonly events: readonly string[];
    /** What was asked of the cloud meanwhile. */
    readonly calls: readonly CloudCall[];
}

/** A rehearsal is one more event of each run: `rehearsal.test.ts` has them. */
const UNREHEARSED = { rehearse: false };

/** In the environment of every run: it must be seen nowhere. */
export const SECRET = "s3cret-of-the-application";

const PROCESSES_END_MS = 20_000;

const started = new Set<Scene>();
let scenes = 0;
let runs = 0;

/** An instance in the cloud, a host that claims to be it, and what is left in both after a run. */
export class Scene {
    readonly #running: string[][] = [];
    readonly #secrets = new Set<string>([SECRET]);
    /** What the stack knows: the snapshots that runs have reported, by execution. */
    readonly #recorded = new Map<string, readonly string[]>();
    readonly #outcomes: Outcome[] = [];
    readonly #name = `scene-${(scenes += 1)}`;
    readonly #idle: ReadonlySet<number>;
    readonly #restore: (() => void)[] = [];

    private constructor(
        readonly cloud: LocalCloud,
        readonly instance: CloudInstance,
        readonly host: SshHost,
    ) {
        this.#idle = new Set(host.processes().map(({ pid }) => pid));
        // The body of the key, line by line: any of it would be too much.
        for (const line of host.clientKey.split("\n").filter((text) => text.length > 40)) {
            this.#secrets.add(line);
        }
    }

    static async start(options: SceneOptions = {}): Promise<Scene> {
        const cloud = await sharedCloud();
        const instance = await cloud.createInstance(options.instance);
        const { instanceId } = instance;
        const sshdConfig = [
            ...(options.host?.sshdConfig ?? []),
            ...(options.instanceConnect === true ? cloud.instanceConnectConfig(instanceId) : []),
        ];
        const host = await startSshHost({ ...options.host, sshdConfig, instanceId });
        const scene = new Scene(cloud, instance, host);
        started.add(scene);
        scene.#restore.push(useCloud(cloud, options.env), scene.#listen());
        configure(new Map<string, string>());
        await scene.reset();
        return scene;
    }

    /** In `after`: stops all scenes that were started. */
    static async stopAll(): Promise<void> {
        for (const scene of started) {
            await scene.stop();
        }
    }

    /** Must not be seen in anything that a run says or stores. */
    hide(secret: string): void {
        this.#secrets.add(secret);
    }

    inputs({ quiesce, connection, ...changes }: Changes = {}): SnapshotInputs {
        const { timeouts, ...rest } = changes;
        return {
            instanceId: this.instance.instanceId,
            owner: `urn:pulumi:test::${this.#name}::ec2:AppConsistentSnapshot::run-${(runs += 1)}`,
            quiesce: this.#quiesce(quiesce, connection),
            timeouts: { connect: 20, preFreeze: 20, freeze: 20, postThaw: 20, completion: 60, ...timeouts },
            ...rest,
        };
    }

    #quiesce(changes: Changes["quiesce"], connection: Changes["connection"]): SnapshotInputs["quiesce"] {
        if (changes !== undefined && "method" in changes) {
            return changes;
        }
        const { host } = this;
        return {
            method: "hooks",
            environment: { APP_PASSWORD: SECRET },
            scripts: UNREHEARSED,
            connection: {
                host: host.address,
                port: host.port,
                user: host.user,
                privateKey: host.clientKey,
                hostKey: [...host.hostKeyLines],
                ...connection,
            },
            ...changes,
            ...(changes?.scripts === undefined ? {} : { scripts: { ...UNREHEARSED, ...changes.scripts } }),
        };
    }

    async create(changes: Changes = {}): Promise<Outcome> {
        const inputs = this.inputs(changes);
        return await this.#run("", inputs, async () => {
            const { id, outs } = await create(inputs);
            return { id, state: outs };
        });
    }

    /** The next `up`: with the inputs of an earlier run, but for the changes. */
    async update(before: Outcome, changes: Changes = {}): Promise<Outcome> {
        const state = stateAfter(before);
        const inputs = { ...this.inputs(changes), owner: before.inputs.owner };
        return await this.#run(before.id, inputs, async () => {
            const { outs } = await update(before.id, state, inputs);
            return { id: before.id, state: outs };
        });
    }

    /** What the engine would do next, given the state that a run has left. */
    diff(before: Outcome, changes: Changes = {}): ReturnType<typeof diff> {
        return diff(before.id, stateAfter(before), {
            ...before.inputs,
            ...this.inputs(changes),
            owner: before.inputs.owner,
        });
    }

    async remove(before: Outcome): Promise<Outcome> {
        return await this.#run(before.id, before.inputs, async () => {
            await remove(before.id, stateAfter(before));
            this.#recorded.delete(before.id);
            return { id: before.id, state: undefined };
        });
    }

    async #run(
        id: string,
        inputs: SnapshotInputs,
        work: () => Promise<{ id: string; state: State | undefined }>,
    ): Promise<Outcome> {
        const lines: string[] = [];
        this.#running.push(lines);
        const calls = (await this.cloud.calls()).length;
        const events = this.host.events.length;
        const result = await work().catch((error: unknown) => error as NonNullable<Outcome["error"]>);
        this.#running.splice(this.#running.indexOf(lines), 1);
        const error = result instanceof Error ? result : undefined;
        const outcome: Outcome = {
            id: result.id ?? id,
            inputs,
            state: result instanceof Error ? undefined : result.state,
            error,
            lines,
            events: this.host.events.slice(events),
            calls: (await this.cloud.calls()).slice(calls),
        };
        this.#outcomes.push(outcome);
        const known = outcome.state ?? error?.properties;
        if (known !== undefined) {
            this.#recorded.set(outcome.id, known.snapshotIds);
        }
        return outcome;
    }

    /** Waits until a run that is under way logs such a line. */
    async untilLogged(pattern: RegExp): Promise<void> {
        await this.host.until(() => this.#running.flat().some((line) => pattern.test(line)), {
            what: `a line ${String(pattern)}; lines: ${this.#running.flat().join("; ")}`,
        });
    }

    /** What holds after every run, whatever happened in it. */
    async assertInvariants(): Promise<void> {
        const { host, cloud, instance } = this;
        assert.isFalse(host.frozen, `the host is frozen; events: ${host.events.join(", ")}`);
        await this.untilIdle();
        assert.deepEqual(host.stateLeft, [], "left on the host");
        const known = [...this.#recorded.values()].flat().sort();
        const found = (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId).sort();
        assert.deepEqual(found, known, "snapshots in the cloud against those that the stack knows of");
        for (const outcome of this.#outcomes) {
            assertSecret(outcome, this.#secrets);
        }
    }

    /** No session, no guard and no hook runs on the host any more. */
    async untilIdle(): Promise<void> {
        const deadline = performance.now() + PROCESSES_END_MS;
        for (let busy = this.busy; busy.length > 0; busy = this.busy) {
            assert.isBelow(performance.now(), deadline, `still runs on the host: ${JSON.stringify(busy)}`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    /** All that runs on the host, besides what always does. */
    get busy(): HostProcess[] {
        // What this looks with has no parent on the host.
        return this.host.processes().filter(({ pid, parent }) => !this.#idle.has(pid) && parent !== 0);
    }

    /** Kills all of `busy` at once: nobody is left who could thaw. */
    killAll(): void {
        const pids = this.busy.map(({ pid }) => pid).join(" ");
        // Stopped first, so that none sees another one die. Those that end by themselves meanwhile are missing.
        this.host.exec(`kill -STOP ${pids} 2>/dev/null; kill -KILL ${pids} 2>/dev/null; true`);
    }

    /** As if nothing had happened yet: plain hooks that succeed, no faults, no snapshots; these complete at once. */
    async reset(): Promise<void> {
        const { cloud, host, instance } = this;
        await cloud.reset();
        await cloud.configureSnapshots({ durationMs: 0 }, instance.instanceId);
        const left = await cloud.snapshots(instance);
        await cloud.deleteSnapshots(left.map(({ snapshotId }) => snapshotId));
        await cloud.clearCalls();
        const { preFreezePath, postThawPath, guardDirectory, eventsPath, frozenPath } = host;
        host.exec(`rm -rf ${preFreezePath} ${postThawPath} ${guardDirectory} ${eventsPath} ${frozenPath}`);
        host.writeHooks();
        this.#recorded.clear();
        this.#outcomes.length = 0;
    }

    /** In `afterEach`: the invariants, and then a clean start for the next test, also when they do not hold. */
    async afterEach(): Promise<void> {
        try {
            await this.assertInvariants();
        } finally {
            await this.reset();
        }
    }

    async stop(): Promise<void> {
        started.delete(this);
        for (const restore of this.#restore) {
            restore();
        }
        await this.host.stop();
    }

    #listen(): () => void {
        const { log } = console;
        const heard = (...parts: unknown[]) => {
            if (this.#running.length === 0) {
                log(...parts);
            }
            for (const lines of this.#running) {
                lines.push(parts.join(" "));
            }
        };
        console.log = heard;
        return () => {
            if (console.log === heard) {
                console.log = log;
            }
        };
    }
}

function stateAfter({ state, error }: Outcome): State {
    const known = state ?? error?.properties;
    assert(known !== undefined, `the run has left no state: ${String(error)}`);
    return known;
}

function assertSecret({ lines, error, state }: Outcome, secrets: ReadonlySet<string>): void {
    const said = [...lines, errorText(error), JSON.stringify(state ?? error?.properties ?? {})].join("\n");
    for (const secret of secrets) {
        assert.notInclude(said, secret);
    }
}

function errorText(error: unknown): string {
    return error instanceof Error ? `${error.stack ?? ""} ${error.message} ${errorText(error.cause)}` : "";
}

/** The state of a run that must have succeeded. */
export function stateOf({ state, error, lines }: Outcome): State {
    assert(state !== undefined, `${error?.stack ?? "no state"}\n${lines.join("\n")}`);
    return state;
}

/** The error of a run that must have failed and left nothing: no init error. */
export function plainError({ state, error, lines }: Outcome): Error {
    assert(error !== undefined, `it succeeded: ${JSON.stringify(state)}\n${lines.join("\n")}`);
    assert.isUndefined(error.id, `an init error: ${error.message}`);
    return error;
}

/** The init error of a run that has left a state to go on with. */
export function initError(outcome: Outcome): Error & { properties: State } {
    const { state, error, lines } = outcome;
    assert(error !== undefined, `it succeeded: ${JSON.stringify(state)}\n${lines.join("\n")}`);
    assert(error.properties !== undefined, `no init error: ${error.stack ?? ""}\n${lines.join("\n")}`);
    assert.match(error.id ?? "", /^acs-/);
    assert.deepEqual(error.reasons, [error.message]);
    return error as Error & { properties: State };
}

/** Requests that asked for a set, dry runs left out. */
export function setRequests({ calls }: Outcome): CloudCall[] {
    return calls.filter(({ operation, dryRun }) => operation === "CreateSnapshots" && !dryRun);
}
