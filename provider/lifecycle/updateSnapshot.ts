import type { Clients } from "../aws/clients";
import { setTagsMakingRoom } from "../aws/roomForTags";
import { removeTags } from "../aws/setTags";
import { ownerTag, tagKeys } from "../aws/tags";
import { SnapshotError } from "../base/errors";
import { type Finishing, finishSet } from "../run/finishSet";
import { defaultTags } from "../run/setRequest";
import { type SnapshotState, UnfinishedError, toState } from "../run/state";
import { adoptedText, takenFor } from "./adoption";
import { diffOf } from "./diff";
import { heal } from "./heal";
import { assertSamePlace } from "./place";
import type { Inputs } from "./request";
import { pick, reporting, stateFrom } from "./result";
import type { Session } from "./session";
import type { State } from "./stackKnowledge";

/** Tags and credentials change in place; a pending thaw is healed and pending completion waited for. */
export async function updateSnapshot(
    session: Session,
    id: string,
    olds: State,
    news: Inputs,
): Promise<{ outs: State }> {
    session.stack.learnState(olds);
    const before = stateFrom(olds);
    // What AWS was told so far; triggers and volumes stay as they were, for the next run to see.
    let told: Partial<State> = pick(before, ["tags", "aws"]);
    const properties = (state: SnapshotState) =>
        toState({ ...before, ...state, ...told, ...pick(news, ["__provider"]) });
    const unfinished = (error: unknown) =>
        error instanceof UnfinishedError ? properties(error.state) : undefined;
    return await reporting(id, unfinished, async () => {
        const clients = await session.clients(news.aws);
        const log = session.logOf(news);
        const state = await session.interruptible((signal) =>
            goOn(before, {
                executionId: id,
                inputs: news,
                clients,
                fresh: false,
                shared: session.shared,
                log,
                signal,
                onTold: () => {
                    told = { ...pick(news, ["tags", "aws"]), ...(before.adopted ? takenFor(news) : {}) };
                    if (before.adopted) {
                        log(adoptedText(id, before.consistencyLevel, news));
                    }
                },
            }),
        );
        const due = diffOf({ ...before, ...state }, news).replaces;
        if (due.length > 0) {
            log(`warning: ${due.join(", ")} changed, too: run \`pulumi up\` again to take a new set`);
        }
        return { outs: properties(state) };
    });
}

/** What is needed to go on with a set that an earlier run has taken. */
interface GoingOn extends Finishing {
    readonly inputs: Inputs;
    /** The set has the tags of the inputs now. */
    onTold(): void;
}

/** Does what the state says that remains to be done. @throws UnfinishedError with the state as far as it got */
export async function goOn(before: State, run: GoingOn): Promise<SnapshotState> {
    const { executionId, inputs, clients, log, signal } = run;
    await assertSamePlace(clients, before, signal);
    const healed = await heal(executionId, before, { inputs, clients, log, signal });
    await keepingHealed(before, healed, () => changeTags(clients, before, inputs, signal));
    run.onTold();
    return isFinished(healed, inputs) ? { ...healed, unfinished: false } : await finishOrGiveUp(run, healed);
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

/** What others who find the set by its tags have to know from now on. */
function ownTags({ adopted, thawPending, recorded }: State, { owner }: Inputs): Record<string, string> {
    return {
        ...(thawPending && recorded ? { [tagKeys.thaw]: "done" } : {}),
        ...(adopted && owner !== undefined ? { [tagKeys.owner]: ownerTag(owner) } : {}),
    };
}

async function changeTags(clients: Clients, olds: State, news: Inputs, signal: AbortSignal): Promise<void> {
    const before = olds.tags ?? {};
    const after = news.tags ?? {};
    const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
    const gone = Object.keys(before).filter((key) => !(key in after));
    // What the stack has for all of its resources comes to light again.
    const defaults = Object.entries(defaultTags(clients, { tags: after })).filter(([key]) =>
        gone.includes(key),
    );
    const removed = gone.filter((key) => !defaults.some(([name]) => name === key));
    const made = [...olds.snapshotIds, ...(olds.imageId === undefined ? [] : [olds.imageId])];
    const own = ownTags(olds, news);
    const wanted = { ...Object.fromEntries([...changed, ...defaults]), ...own };
    const mayGo = [
        ...removed,
        // Until the set is complete, its lease says that its run may be at work.
        ...(olds.recorded ? [tagKeys.lease] : []),
        ...Object.keys(defaultTags(clients, { tags: after })),
        tagKeys.healed,
        tagKeys.size,
    ];
    await setTagsMakingRoom(clients, made, wanted, mayGo, signal);
    await removeTags(clients, made, removed, signal);
}
