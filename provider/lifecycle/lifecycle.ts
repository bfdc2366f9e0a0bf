import { type Clients, type StackConfig, accountOf, clientsFor } from "../aws/clients";
import { removeTags, setTags } from "../aws/setTags";
import { assertUnused } from "../aws/snapshots";
import { type CheckFailure, checkSnapshotInputs } from "../inputs/check";
import { checkTaken } from "./checkTaken";
import { deleteState } from "../aws/deleteState";
import { type DiffResult, diffSnapshot } from "./diff";
import { checkExclusions } from "./checkExclusions";
import { SnapshotError } from "../base/errors";
import { newExecutionId } from "../base/executionId";
import { type Finishing, finishSet } from "../run/finishSet";
import { assertAwake } from "./assertAwake";
import { type Healing, heal } from "./heal";
import type { SnapshotInputs } from "../inputs/inputs";
import { interruptible } from "./interrupt";
import { adoptSet, readSet } from "./readSet";
import { unknownParts } from "../base/secretTable";
import { readStackConfig } from "./stackConfig";
import { type PendingThaw, type State, StackKnowledge } from "./stackKnowledge";
import { type SnapshotState, UnfinishedError, toState } from "../run/state";
import { takeSnapshot } from "../run/takeSnapshot";
import { isUnknown } from "../base/unknown";

/*
 * The resource's lifecycle, without any type of Pulumi: plain inputs, plain state. The serialized provider in
 * appConsistentSnapshot.ts calls these functions by the package's name, so state may be of an older version.
 */

/** Inputs as the engine sends them. */
type Inputs = SnapshotInputs & { __provider?: unknown };
let stackConfig: StackConfig = {};

/** Stored at once: the engine may call on before this has returned. */
export function configure(config: { get(key: string): string | undefined }): void {
    stackConfig = readStackConfig(config);
}

/** Every bad input by its property path. Touches nothing. */
export async function check(
    news: Inputs,
    olds: object = {},
): Promise<{ inputs: Inputs; failures: CheckFailure[] }> {
    const { __provider, ...inputs } = news;
    sayUnchecked(inputs);
    const failures = [...checkSnapshotInputs(inputs), ...checkTaken(inputs, olds)];
    // Of a set that is not taken again, the volumes may be gone for long.
    if (failures.length === 0 && inputs.taken !== true) {
        failures.push(...(await checkExclusions(inputs, stackConfig)));
    }
    return { inputs: news, failures };
}

/** What preview has said already: it checks a replacement twice. */
const unchecked = new Set<string>();

function sayUnchecked(inputs: Inputs): void {
    const parts = unknownParts(inputs);
    if (parts.length === 0) {
        return;
    }
    const line =
        `${parts.join(" and ")} ${parts.length === 1 ? "is" : "are"} not known before \`pulumi up\`, and nothing of it ` +
        "was checked: give a plain object with Outputs at its leaves, such as { host: server.privateIp, ... }";
    const said = `${inputs.owner ?? inputs.instanceId} ${line}`;
    if (!unchecked.has(said)) {
        unchecked.add(said);
        logger(inputs)(line);
    }
}

const stack = new StackKnowledge();

export function diff(id: string, olds: State, news: Inputs): DiffResult {
    stack.learn(id, olds, news);
    const result = diffSnapshot(olds, news);
    if (result.replaces.includes("instanceId") && !isUnknown(news.instanceId)) {
        logger(news)(
            `warning: the instance changes from ${olds.instanceId} to ${news.instanceId}: ` +
                `the snapshots of ${olds.instanceId} go with the replacement, unless retainOnDelete is set`,
        );
    }
    return result;
}

export async function create(inputs: Inputs): Promise<{ id: string; outs: State }> {
    const executionId = newExecutionId();
    return await reporting(
        executionId,
        (state) => outputs(inputs, state),
        async () => {
            const clients = await clientsFor(inputs.aws, stackConfig);
            const log = logger(inputs);
            const known = stack.setsOf(inputs.owner);
            const healed = new Set<string>();
            try {
                const state = await interruptible(async (signal) => {
                    const healing = { inputs, clients, log, signal };
                    await healReplaced(stack.pendingOf(inputs.owner), healing, healed);
                    return await takeSnapshot({ executionId, inputs, clients, known, healed, log, signal });
                });
                return { id: executionId, outs: outputs(inputs, state) };
            } finally {
                stack.markHealed(healed);
            }
        },
    );
}

/** Tags and credentials change in place; a pending thaw is healed and pending completion waited for. */
export async function update(id: string, olds: State, news: Inputs): Promise<{ outs: State }> {
    stack.learnState(olds);
    const before = stateFrom(olds);
    // What AWS was told so far; triggers and volumes stay as they were, for the next run to see.
    let told = pick(before, ["tags", "aws"]);
    const properties = (state: SnapshotState) =>
        toState({ ...before, ...state, ...told, ...pick(news, ["__provider"]) });
    return await reporting(id, properties, async () => {
        const clients = await clientsFor(news.aws, stackConfig);
        const log = logger(news);
        const state = await interruptible(async (signal) => {
            await assertSamePlace(clients, before, signal);
            const healed = await heal(id, before, { inputs: news, clients, log, signal });
            await keepingHealed(before, healed, () => changeTags(clients, before, news, signal));
            told = pick(news, ["tags", "aws"]);
            return isFinished(healed, news)
                ? { ...healed, unfinished: false }
                : await finishOrGiveUp(
                      { executionId: id, inputs: news, clients, fresh: false, log, signal },
                      healed,
                  );
        });
        const due = diffSnapshot({ ...before, ...state }, news).replaces;
        if (due.length > 0) {
            log(`warning: ${due.join(", ")} changed, too: run \`pulumi up\` again to take a new set`);
        }
        return { outs: properties(state) };
    });
}

/** After `pulumi refresh`, or `get`: notices what was deleted or has failed behind Pulumi's back. */
export async function read(id: string, props: Partial<State> = {}): Promise<{ id: string; props: State }> {
    stack.learnState(props);
    const clients = await clientsFor(placeOf(props), stackConfig);
    const signal = AbortSignal.timeout(READ_LIMIT_MS);
    if (props.instance === undefined) {
        return { id, props: await adopt(clients, id, props, signal) };
    }
    await assertSamePlace(clients, props, signal);
    const state = stateFrom(props as State);
    const lost = await readSet(clients, state, signal);
    if (lost === undefined) {
        console.log(
            `warning: all snapshots of ${id} are gone from ${clients.region}; the next run takes new ones`,
        );
        return { id: "", props: state };
    }
    return { id, props: toState({ ...state, lost }) };
}

/** The tags tell less than what a run has recorded, if it has: a `get` has nothing else. */
async function adopt(
    clients: Clients,
    id: string,
    props: Partial<State>,
    signal: AbortSignal,
): Promise<State> {
    const adopted = await adoptSet(clients, id, signal);
    const recorded = props.snapshotIds === undefined ? { ...props, ...adopted } : { ...adopted, ...props };
    const { instance } = adopted;
    const thawPending = props.thawPending ?? false;
    return toState({ ...recorded, instance, instanceId: instance.instanceId, thawPending });
}

/** Deletes the set. What is gone already is done, in the right account only. */
export async function remove(id: string, olds: State): Promise<void> {
    stack.learnState(olds);
    const state = stateFrom(olds);
    const clients = await clientsFor(placeOf(state), stackConfig);
    const signal = AbortSignal.timeout(DELETE_LIMIT_MS);
    await assertSamePlace(clients, state, signal);
    await assertAwake(id, state, { clients, stack, log: logger(state) });
    await assertUnused(clients, state.snapshotIds, state.imageId, signal);
    await deleteState(clients, id, state, signal);
}

const READ_LIMIT_MS = 120_000;
const DELETE_LIMIT_MS = 300_000;

/** A replacement heals first: with the old state goes what is known of the freeze. Tells whose freeze is over. */
async function healReplaced(
    pending: PendingThaw | undefined,
    healing: Healing,
    healed: Set<string>,
): Promise<void> {
    if (pending === undefined) {
        return;
    }
    const { id, state } = pending;
    try {
        await assertSamePlace(healing.clients, state, healing.signal);
        await heal(id, state, healing);
    } catch (error) {
        // The old resource says so in its own state, and cannot be deleted before it is healed.
        throw error instanceof UnfinishedError ? new SnapshotError(error.failure, error.context) : error;
    }
    // What that one had healed goes with it from what later processes can see.
    for (const earlier of [...(state.healed ?? []), id]) {
        healed.add(earlier);
    }
}

/** What fails when the instance is awake again must not make anybody forget that it is. */
async function keepingHealed(before: State, healed: State, work: () => Promise<void>): Promise<void> {
    try {
        await work();
    } catch (error) {
        throw before.thawPending && error instanceof SnapshotError
            ? new UnfinishedError(error, healed)
            : error;
    }
}

/** A set that failed is deleted: recorded as empty, it is replaced by the next run. */
async function finishOrGiveUp(run: Finishing, state: State): Promise<SnapshotState> {
    try {
        return await finishSet(run, state);
    } catch (error) {
        if (error instanceof SnapshotError && error.code === "SNAPSHOT_FAILED") {
            const failed = error.withContext({ instanceId: state.instanceId });
            throw new UnfinishedError(failed, { ...state, snapshotIds: [], snapshots: [] });
        }
        throw error;
    }
}

function isFinished(state: State, news: Inputs): boolean {
    const waits = state.unfinished && (news.waitForCompletion ?? true);
    return state.snapshotIds.length === 0 || (state.recorded && !waits);
}

async function changeTags(clients: Clients, olds: State, news: Inputs, signal: AbortSignal): Promise<void> {
    const before = olds.tags ?? {};
    const after = news.tags ?? {};
    const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
    const removed = Object.keys(before).filter((key) => !(key in after));
    const made = [...olds.snapshotIds, ...(olds.imageId === undefined ? [] : [olds.imageId])];
    await setTags(clients, made, Object.fromEntries(changed), signal);
    await removeTags(clients, made, removed, signal);
}

/** The region of the snapshots, whatever the configuration says by now. */
function placeOf(state: Partial<State>): SnapshotInputs["aws"] {
    const region = state.instance?.region;
    return { ...state.aws, ...(region === undefined ? {} : { region }) };
}

/** A snapshot that is not found in the wrong account is not gone. */
async function assertSamePlace(clients: Clients, state: Partial<State>, signal: AbortSignal): Promise<void> {
    const { instance } = state;
    if (instance === undefined) {
        return;
    }
    const context = { instanceId: instance.instanceId, state: "nothing was changed." };
    if (clients.region !== instance.region) {
        throw new SnapshotError(
            {
                code: "WRONG_REGION",
                message: `The snapshots are in ${instance.region}, but the settings name ${clients.region}.`,
                remedy: "Set the region back; to move, remove this resource and add a new one.",
            },
            context,
        );
    }
    const accountId = await accountOf(clients, signal);
    if (accountId !== instance.accountId) {
        throw new SnapshotError(
            {
                code: "WRONG_ACCOUNT",
                message: `The snapshots are in account ${instance.accountId}, but the credentials are of ${accountId}.`,
                remedy: "Use credentials of the account that the snapshots are in.",
            },
            context,
        );
    }
}

/** Copies of inputs that `diff` and `delete` need; never `quiesce`, which holds secrets. */
function outputs(inputs: Inputs, state: SnapshotState): State {
    const copied = pick(inputs, ["instanceId", "volumes", "triggers", "tags", "aws", "owner", "__provider"]);
    return toState({ ...copied, ...state });
}

function pick<T extends object, K extends keyof T>(values: T, keys: readonly K[]): Pick<T, K> {
    return Object.fromEntries(keys.map((key) => [key, values[key]])) as Pick<T, K>;
}

/** Lets the engine save the state of a run that did not end: an error with an id is an "init error" to it. */
async function reporting<T>(
    id: string,
    propertiesOf: (state: SnapshotState) => object,
    work: () => Promise<T>,
): Promise<T> {
    try {
        return await work();
    } catch (error) {
        if (!(error instanceof UnfinishedError)) {
            throw error;
        }
        const properties = propertiesOf(error.state);
        throw Object.assign(new Error(error.message), { id, reasons: [error.message], properties });
    }
}

/** State of an older version may lack what this one asks for. */
function stateFrom(state: State): State {
    const older = {
        snapshotIds: [],
        snapshots: [],
        thawPending: false,
        recorded: true,
        lost: [],
        unfinished: false,
    };
    return { ...older, ...state };
}

/** All lines of a dynamic provider land on the stack's row: each names its resource. */
function logger({ owner, instanceId }: Pick<Inputs, "owner" | "instanceId">): (line: string) => void {
    const name = owner?.split("::").at(-1) ?? instanceId;
    return (line) => console.log(`${name}: ${line}`);
}
