import { assert } from "chai";
import type { GroupInputs } from "../../provider/inputs/inputs";
import type { GroupOutputs } from "../../provider/lifecycle/group/groupState";
import { CapturedLog } from "../capturedLog";
import { createGroup, deleteGroup, diffGroup, readGroup, updateGroup } from "./lifecycle";
import { type Changes, Scene } from "./scene";

/** What a group's inputs are beside the scene's own: of all members, and by member. */
export interface GroupChanges extends Partial<Omit<GroupInputs, "members">> {
    readonly members?: Readonly<Record<string, Changes>>;
}

/** How a verb ended. */
export interface GroupOutcome {
    readonly id: string;
    readonly inputs: GroupInputs;
    readonly state: GroupOutputs | undefined;
    /** An "init error" when it has properties. */
    readonly error: (Error & { id?: string; properties?: GroupOutputs }) | undefined;
    /** What was logged meanwhile. */
    readonly lines: readonly string[];
}

let groups = 0;

/** Several instances of one cloud, each with a host that claims to be it. */
export class GroupScene {
    readonly #known = new Map<string, GroupOutputs>();
    /** Of each test another one: what the process knows of an earlier one is nothing to it. */
    #owner = newOwner();

    private constructor(readonly scenes: Readonly<Record<string, Scene>>) {}

    /** Needs root. Ends with `Scene.stopAll`. */
    static async start(...names: string[]): Promise<GroupScene> {
        const scenes = await Promise.all(names.map(async (name) => [name, await Scene.start()] as const));
        return new GroupScene(Object.fromEntries(scenes));
    }

    scene(name: string): Scene {
        return this.scenes[name] ?? assert.fail(`no member ${name}`);
    }

    get cloud() {
        return Object.values(this.scenes)[0]?.cloud ?? assert.fail("no member");
    }

    inputs({ members = {}, ...shared }: GroupChanges = {}): GroupInputs {
        const each = Object.entries(this.scenes).map(([name, scene]) => {
            const { instanceId, quiesce, volumes } = scene.inputs(members[name]);
            return [name, { instanceId, quiesce, ...(volumes === undefined ? {} : { volumes }) }];
        });
        return {
            members: Object.fromEntries(each) as GroupInputs["members"],
            owner: this.#owner,
            timeouts: { connect: 20, preFreeze: 20, freeze: 20, postThaw: 20, completion: 60 },
            ...shared,
        };
    }

    async create(changes: GroupChanges = {}): Promise<GroupOutcome> {
        return await this.createWith(this.inputs(changes));
    }

    async createWith(inputs: GroupInputs): Promise<GroupOutcome> {
        return await this.#outcome("", inputs, async () => {
            const { id, outs } = await createGroup(inputs);
            return { id, state: outs };
        });
    }

    async update(before: GroupOutcome, changes: GroupChanges = {}): Promise<GroupOutcome> {
        return await this.updateWith(before, this.inputs(changes));
    }

    /** As the engine does it: `diff` comes first. */
    async updateWith(before: GroupOutcome, inputs: GroupInputs): Promise<GroupOutcome> {
        this.diffWith(before, inputs);
        return await this.#outcome(before.id, inputs, async () => {
            const { outs } = await updateGroup(before.id, this.stateAfter(before), inputs);
            return { id: before.id, state: outs };
        });
    }

    /** What the engine would do next; and, as in it, what later verbs of the process know of the state. */
    diff(before: GroupOutcome, changes: GroupChanges = {}): ReturnType<typeof diffGroup> {
        return this.diffWith(before, this.inputs(changes));
    }

    diffWith(before: GroupOutcome, inputs: GroupInputs): ReturnType<typeof diffGroup> {
        const log = new CapturedLog();
        try {
            return diffGroup(this.stateAfter(before), inputs);
        } finally {
            log.restore();
        }
    }

    /** As if the engine had never heard of it. */
    forget({ id }: GroupOutcome): void {
        this.#known.delete(id);
    }

    async read(before: GroupOutcome): Promise<Awaited<ReturnType<typeof readGroup>>> {
        return await readGroup(before.id, this.stateAfter(before));
    }

    /** By nothing but its id. */
    async find(id: string): Promise<Awaited<ReturnType<typeof readGroup>>> {
        return await readGroup(id);
    }

    async remove(before: GroupOutcome): Promise<void> {
        await deleteGroup(this.stateAfter(before));
        this.#known.delete(before.id);
    }

    stateAfter({ state, error }: GroupOutcome): GroupOutputs {
        return state ?? error?.properties ?? assert.fail(`no state was left: ${String(error)}`);
    }

    async #outcome(
        id: string,
        inputs: GroupInputs,
        work: () => Promise<{ id: string; state: GroupOutputs }>,
    ): Promise<GroupOutcome> {
        const log = new CapturedLog();
        const result = await work()
            .catch((error: unknown) => error as NonNullable<GroupOutcome["error"]>)
            .finally(() => log.restore());
        const error = result instanceof Error ? result : undefined;
        const state = result instanceof Error ? undefined : result.state;
        const outcome = { id: result.id ?? id, inputs, state, error, lines: log.lines };
        const known = state ?? error?.properties;
        if (known !== undefined) {
            this.#known.set(outcome.id, known);
        }
        return outcome;
    }

    /** In `afterEach`: what holds after every run, whatever happened in it; and then a clean start for the next test. */
    async afterEach(): Promise<void> {
        try {
            for (const [name, { host, instance, cloud }] of Object.entries(this.scenes)) {
                assert.isFalse(host.frozen, `${name} is frozen; events: ${host.events.join(", ")}`);
                await this.scene(name).untilIdle();
                assert.deepEqual(host.stateLeft, [], `left on ${name}`);
                const found = (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId).sort();
                const known = [...this.#known.values()].flatMap(({ sets }) => sets[name]?.snapshotIds ?? []);
                assert.deepEqual(
                    found,
                    known.sort(),
                    `snapshots of ${name} against those that the stack knows of`,
                );
            }
        } finally {
            this.#known.clear();
            this.#owner = newOwner();
            for (const scene of Object.values(this.scenes)) {
                await scene.reset();
            }
        }
    }
}

function newOwner(): string {
    groups += 1;
    return `urn:pulumi:test::group-${groups}::ec2:AppConsistentSnapshotGroup::group`;
}
