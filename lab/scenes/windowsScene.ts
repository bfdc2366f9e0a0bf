import {
    CreateTagsCommand,
    DeleteTagsCommand,
    DeregisterImageCommand,
    DescribeImagesCommand,
    DisableImageCommand,
    EC2Client,
} from "@aws-sdk/client-ec2";
import { SSMClient, SendCommandCommand } from "@aws-sdk/client-ssm";
import { assert } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { accountOf, clientsFor } from "../../provider/aws/clients";
import { resolveSource } from "../../provider/aws/instance";
import type { SnapshotInputs, VssQuiesce } from "../../provider/inputs/inputs";
import { configure, create, diff, read, remove, update } from "./lifecycle";
import { chooseQuiescer } from "../../provider/run/chooseQuiescer";
import type { Quiescer } from "../../provider/quiesce/quiescer";
import { type SnapshotState, UnfinishedError } from "../../provider/run/state";
import { takeSnapshot } from "../../provider/run/takeSnapshots";
import { timing } from "../../provider/base/timing";
import type { CreateOnce } from "./createOnce";
import { ROOT } from "../engine/engine";
import type { CloudCall, CloudInstance, InstanceSpec, LocalCloud } from "../cloud/localCloud";
import { type CloudCommand, LocalSystemsManager, type ManagedSpec } from "../cloud/localSystemsManager";
import { sharedCloud, useCloud } from "../cloud/sharedCloud";
import { runOf } from "./run";

export interface WindowsSceneOptions {
    readonly instance?: InstanceSpec;
    readonly managed?: ManagedSpec;
}

/** What a run's inputs are beside, or instead of, the scene's own. */
export interface VssChanges extends Partial<Omit<SnapshotInputs, "quiesce">> {
    readonly quiesce?: Partial<VssQuiesce>;
}

type State = SnapshotState & Pick<SnapshotInputs, "instanceId">;

/** How a run ended: with a state, or with an error (an "init error" when it has an id and properties). */
export interface VssOutcome {
    readonly id: string;
    readonly inputs: SnapshotInputs;
    readonly state: State | undefined;
    readonly error: (Error & { id?: string; properties?: State }) | undefined;
    readonly lines: readonly string[];
    /** What was asked of the cloud meanwhile, by us and by the instance. */
    readonly calls: readonly CloudCall[];
    /** Commands that were sent meanwhile, as they stand now. */
    readonly commands: readonly CloudCommand[];
}

export const VSS = "AWSEC2-CreateVssSnapshot";
export const VSS_AND_INSTALL = "AWSEC2-VssInstallAndSnapshot";
export const PACKAGE = "AWS-ConfigureAWSPackage";
export const SCRIPT = "AWS-RunPowerShellScript";

const RUN_OUT = { Key: "app-consistent-snapshot:lease", Value: "2020-01-01T00:00:00.000Z" };

/** Short enough for tests; the order among them stays. */
const SHORT = {
    visibleMs: 3_000,
    imageGoneMs: 300,
    commandVisibleMs: 1_500,
    sendPauseMs: 20,
    firstLookMs: 20,
    lastLookMs: 60,
    lockedPauseMs: 60,
    vssVisibleMs: 800,
    vssSettleMs: 600,
    removalMs: 5_000,
    betweenCommandsMs: 300_000,
    inUseMs: 700,
};

let runs = 0;

/** A Windows instance in the cloud that Systems Manager manages, and what is left of a run on it. */
export class WindowsScene {
    readonly #usual = { ...timing };
    readonly #outcomes: VssOutcome[] = [];
    readonly #recorded = new Map<string, Pick<SnapshotState, "snapshotIds" | "imageId">>();
    readonly #restore: () => void;
    readonly #client: EC2Client;
    /** What is installed when a test is over. */
    #components: string | null = null;
    #managed = true;
    #locked = false;

    #instance: CloudInstance | undefined;

    private constructor(
        readonly cloud: LocalCloud,
        readonly ssm: LocalSystemsManager,
        private readonly options: WindowsSceneOptions,
    ) {
        this.#restore = useCloud(cloud);
        this.#client = new EC2Client(cloud.clientConfig());
    }

    static async start(options: WindowsSceneOptions = {}): Promise<WindowsScene> {
        const cloud = await sharedCloud();
        const scene = new WindowsScene(cloud, new LocalSystemsManager(cloud), options);
        configure(new Map<string, string>());
        await scene.reset();
        return scene;
    }

    /** A new one for each test: what was done on the last one is remembered by Systems Manager. */
    get instance(): CloudInstance {
        assert(this.#instance !== undefined, "before the first reset");
        return this.#instance;
    }

    get instanceId(): string {
        return this.instance.instanceId;
    }

    /** Installs the components before a run, or removes them. */
    async install(version: string | null): Promise<void> {
        this.#components = version;
        await this.ssm.manage(this.instanceId, { components: version });
    }

    /** Somebody else holds the package, until the test is over or `unlock`. */
    async lock(action?: "Install" | "Uninstall" | "other"): Promise<void> {
        this.#locked = true;
        await this.ssm.lockPackage(this.instanceId, action);
    }

    async unlock(): Promise<void> {
        this.#locked = false;
        await this.ssm.unlockPackage(this.instanceId);
    }

    /** As if the agent had never reported. */
    async unmanage(): Promise<void> {
        this.#managed = false;
        await this.ssm.unmanage(this.instanceId);
    }

    /** A test after which other components are installed than before it says so. */
    expectComponents(version: string | null): void {
        this.#components = version;
    }

    inputs({ quiesce, ...changes }: VssChanges = {}): SnapshotInputs {
        const { timeouts, ...rest } = changes;
        return {
            instanceId: this.instanceId,
            owner: `urn:pulumi:test::windows::ec2:AppConsistentSnapshot::run-${(runs += 1)}`,
            quiesce: { ...quiesce, method: "vss" },
            timeouts: { command: 20, completion: 30, ...timeouts },
            ...rest,
        };
    }

    /** The quiescer alone, of a run that nobody hears of. */
    async quiescer(signal: AbortSignal, changes: VssChanges = {}): Promise<Quiescer> {
        const inputs = this.inputs(changes);
        const clients = await clientsFor();
        const executionId = `acs-${crypto.randomUUID()}`;
        const run = runOf({ executionId, inputs, clients, signal });
        const account = await accountOf(clients, signal);
        return chooseQuiescer(run, await resolveSource(clients, account, this.instanceId, undefined, signal));
    }

    async create(changes: VssChanges = {}): Promise<VssOutcome> {
        const inputs = this.inputs(changes);
        return await this.#run("", inputs, async () => {
            const { id, outs } = await create(inputs);
            return { id, state: outs };
        });
    }

    /** A create whose process is told to end: what `create` does between the signal and the end. */
    async createUntil(signal: AbortSignal, changes: VssChanges = {}): Promise<VssOutcome> {
        const inputs = this.inputs(changes);
        const executionId = `acs-${crypto.randomUUID()}`;
        return await this.#run(executionId, inputs, async (log) => {
            const clients = await clientsFor();
            const run = runOf({ executionId, inputs, clients, log, signal });
            try {
                const { instanceId } = this;
                return { id: executionId, state: { instanceId, ...(await takeSnapshot(run)) } };
            } catch (error) {
                if (error instanceof UnfinishedError) {
                    Object.assign(error, { id: executionId, properties: error.state });
                }
                throw error;
            }
        });
    }

    /** A create in a process of its own, which is killed when `reached`. */
    async createKilled(reached: () => Promise<unknown>, changes: VssChanges = {}): Promise<SnapshotInputs> {
        const inputs = this.inputs(changes);
        const given: CreateOnce = { inputs, timing };
        const child = spawn(process.execPath, ["--import", "tsx", join(__dirname, "createOnce.ts")], {
            cwd: ROOT,
            env: { ...process.env, ...this.cloud.env, CREATE_ONCE: JSON.stringify(given) },
            stdio: "ignore",
        });
        const ended = once(child, "exit");
        try {
            const first = await Promise.race([reached().then(() => "reached"), ended.then(() => "ended")]);
            assert.equal(first, "reached", "the process ended before it could be killed");
        } finally {
            child.kill("SIGKILL");
            await ended;
        }
        return inputs;
    }

    /** As if what runs have left in the cloud, unknown to all, had been left long ago. */
    async outliveLeases(): Promise<void> {
        const key = "app-consistent-snapshot:execution";
        const snapshots = (await this.cloud.snapshots(this.instance)).filter(({ tags }) => key in tags);
        const images = (await this.images()).filter(({ tags }) => key in tags);
        const Resources = [
            ...snapshots.map(({ snapshotId }) => snapshotId),
            ...images.map(({ imageId }) => imageId),
        ];
        if (Resources.length > 0) {
            await this.#client.send(new CreateTagsCommand({ Resources, Tags: [RUN_OUT] }));
        }
    }

    async update(before: VssOutcome, changes: VssChanges = {}): Promise<VssOutcome> {
        const state = knownState(before);
        const inputs = { ...this.inputs(changes), owner: before.inputs.owner };
        return await this.#run(before.id, inputs, async () => {
            const { outs } = await update(before.id, state, inputs);
            return { id: before.id, state: outs };
        });
    }

    diff(before: VssOutcome, changes: VssChanges = {}): ReturnType<typeof diff> {
        const inputs = { ...before.inputs, ...this.inputs(changes), owner: before.inputs.owner };
        return diff(before.id, knownState(before), inputs);
    }

    /** What `pulumi refresh` finds; or, without a state, `get`. */
    async read(id: string, state?: State): Promise<{ id: string; props: SnapshotState }> {
        return await read(id, state);
    }

    async remove(before: VssOutcome): Promise<VssOutcome> {
        return await this.#run(before.id, before.inputs, async () => {
            await remove(before.id, knownState(before));
            this.#recorded.delete(before.id);
            return { id: before.id, state: undefined };
        });
    }

    /** As if the run had died right before Pulumi was told of its set, long ago; `bare`: before it tagged the snapshots. */
    async abandon({ id, state }: VssOutcome, { bare = false } = {}): Promise<void> {
        this.#recorded.delete(id);
        const snapshotIds = [...(state?.snapshotIds ?? [])];
        if (bare) {
            const all = await this.cloud.snapshots(this.instance);
            const keys = new Set(all.flatMap(({ tags }) => Object.keys(tags)));
            const Tags = [...keys].map((Key) => ({ Key }));
            await this.#client.send(new DeleteTagsCommand({ Resources: snapshotIds, Tags }));
        }
        const Tags = [{ Key: "app-consistent-snapshot:state", Value: "in-progress" }, RUN_OUT];
        const image = state?.imageId === undefined ? [] : [state.imageId];
        const Resources = [...(bare ? [] : snapshotIds), ...image];
        await this.#client.send(new CreateTagsCommand({ Resources, Tags }));
    }

    async #run(
        id: string,
        inputs: SnapshotInputs,
        work: (log: (line: string) => void) => Promise<{ id: string; state: State | undefined }>,
    ): Promise<VssOutcome> {
        const lines: string[] = [];
        const calls = (await this.cloud.calls()).length;
        const commands = (await this.ssm.commands()).length;
        const { log } = console;
        const heard = (...parts: unknown[]) => void lines.push(parts.join(" "));
        console.log = heard;
        const result = await work(heard)
            .catch((error: unknown) => error as NonNullable<VssOutcome["error"]>)
            .finally(() => {
                if (console.log === heard) {
                    console.log = log;
                }
            });
        const error = result instanceof Error ? result : undefined;
        const state = result instanceof Error ? undefined : result.state;
        const outcome: VssOutcome = {
            id: result instanceof Error ? (result.id ?? id) : result.id,
            inputs,
            state,
            error,
            lines,
            calls: (await this.cloud.calls()).slice(calls),
            commands: (await this.ssm.commands()).slice(commands),
        };
        this.#outcomes.push(outcome);
        const known = state ?? error?.properties;
        if (known !== undefined) {
            this.#recorded.set(outcome.id, known);
        }
        return outcome;
    }

    async images(): Promise<{ imageId: string; name: string; tags: Record<string, string> }[]> {
        const filter = { Name: "name", Values: ["*-acs-*"] };
        const { Images = [] } = await this.#client.send(
            new DescribeImagesCommand({ Owners: ["self"], Filters: [filter], IncludeDisabled: true }),
        );
        return Images.map(({ ImageId = "", Name = "", Tags = [] }) => ({
            imageId: ImageId,
            name: Name,
            tags: Object.fromEntries(Tags.map(({ Key = "", Value = "" }) => [Key, Value])),
        }));
    }

    /** A command of somebody else, or of a run that is dead by now, sent without the provider. Resolves when it has ended. */
    async sendForeign(document: string, parameters: Record<string, string>, comment: string): Promise<void> {
        const client = new SSMClient(this.cloud.clientConfig());
        try {
            const { Command } = await client.send(
                new SendCommandCommand({
                    DocumentName: document,
                    InstanceIds: [this.instanceId],
                    Parameters: Object.fromEntries(
                        Object.entries(parameters).map(([name, value]) => [name, [value]]),
                    ),
                    Comment: comment,
                }),
            );
            await this.ssm.reached({ commandId: Command?.CommandId ?? "" });
        } finally {
            client.destroy();
        }
    }

    /** Behind Pulumi's back. */
    async deregister(imageId: string): Promise<void> {
        await this.#client.send(new DeregisterImageCommand({ ImageId: imageId }));
    }

    /** Behind Pulumi's back, too. */
    async disable(imageId: string): Promise<void> {
        await this.#client.send(new DisableImageCommand({ ImageId: imageId }));
    }

    /** What holds after every run, whatever happened in it. */
    async assertInvariants(): Promise<void> {
        const kept = [...this.#recorded.values()];
        const found = (await this.cloud.snapshots(this.instance)).map(({ snapshotId }) => snapshotId);
        assert.sameMembers(
            found,
            kept.flatMap(({ snapshotIds }) => snapshotIds),
            "snapshots in the cloud",
        );
        const images = (await this.images()).map(({ imageId }) => imageId);
        assert.sameMembers(
            images,
            kept.flatMap(({ imageId }) => imageId ?? []),
            "images in the cloud",
        );
        if (this.#managed) {
            const { componentsVersion, busyWith, frozen } = await this.ssm.managed(this.instanceId);
            assert.equal(componentsVersion, this.#components, "components on the instance");
            assert.isFalse(frozen);
            assert.isTrue(busyWith === null || this.#locked, "somebody holds the package's lock");
        }
        for (const { lines, error, state } of this.#outcomes) {
            const said = [...lines, error?.stack ?? "", JSON.stringify(state ?? {})].join("\n");
            assert.notInclude(said, this.cloud.secretAccessKey);
        }
    }

    /** A Windows that nobody has touched yet, without the components; short limits; no faults. */
    async reset(): Promise<void> {
        const { cloud, ssm } = this;
        await cloud.reset();
        Object.assign(timing, SHORT);
        for (const { imageId } of await this.images()) {
            await this.deregister(imageId);
        }
        this.#instance = await cloud.createInstance({ platform: "windows", ...this.options.instance });
        await cloud.configureSnapshots({ durationMs: 0 }, this.instanceId);
        await ssm.manage(this.instanceId, this.options.managed);
        this.#components = null;
        this.#managed = true;
        this.#locked = false;
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

    stop(): void {
        Object.assign(timing, this.#usual);
        this.#client.destroy();
        this.#restore();
    }
}

function knownState({ state, error }: VssOutcome): State {
    const known = state ?? error?.properties;
    assert(known !== undefined, `the run has left no state: ${String(error)}`);
    return known;
}

/** The state of a run that must have succeeded. */
export function stateOf({ state, error, lines }: VssOutcome): State {
    assert(state !== undefined, `${error?.stack ?? "no state"}\n${lines.join("\n")}`);
    return state;
}

/** The error of a run that must have failed and left nothing: no init error. */
export function plainError({ state, error, lines }: VssOutcome): Error {
    assert(error !== undefined, `it succeeded: ${JSON.stringify(state)}\n${lines.join("\n")}`);
    assert.isUndefined(error.properties, `an init error: ${error.message}`);
    return error;
}

/** The commands of a run, by document and, for the package, what was to be done. */
export function sent({ commands }: VssOutcome): string[] {
    return commands.map(({ document, parameters }) => parameters["action"]?.[0] ?? document);
}
