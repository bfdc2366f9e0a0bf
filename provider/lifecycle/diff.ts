import { effectiveTriggers, type SnapshotInputs } from "../inputs/inputs";
import { type SnapshotState, quiesceKey } from "../run/state";
import { isUnknown } from "../base/unknown";
import { same } from "./same";

export interface DiffResult {
    readonly changes: boolean;
    readonly replaces: string[];
}

/** The state that `diff` compares with: outputs, and copies of the inputs that they were made from. */
export type OldState = Partial<SnapshotState> &
    Pick<SnapshotInputs, "instanceId"> &
    Partial<Pick<SnapshotInputs, "volumes" | "triggers" | "tags" | "aws">>;

/**
 * What a change of inputs means (design.md, section 2, column "on change"), and what the state itself asks for: a set
 * that is not whole is replaced, unfinished work is gone on with by `update`.
 */
export function diffOf(olds: OldState, news: SnapshotInputs): DiffResult {
    const hasSet = (olds.snapshotIds?.length ?? 0) > 0;
    if (olds.thawPending && hasSet) {
        // Healing comes before anything else; the next run then sees the other changes. Without a set it is replaced,
        // and `create` heals first.
        return { changes: true, replaces: [] };
    }
    const replaces = replacing(olds, news);
    if (!hasSet || (olds.lost?.length ?? 0) > 0) {
        replaces.push("snapshotIds");
    }
    return { changes: replaces.length > 0 || updating(olds, news), replaces };
}

function replacing(olds: OldState, news: SnapshotInputs): string[] {
    if (olds.adopted) {
        // Nobody knows what it was taken for: `update` records what the program asks for now.
        return [];
    }
    const triggers = effectiveTriggers(news.triggers);
    const changed: Record<string, boolean> = {
        instanceId: olds.instanceId !== news.instanceId,
        quiesce: quiesceChanged(olds, news),
        volumes: !same(volumesOf(olds), volumesOf(news)),
        triggers: triggers !== undefined && !same(triggers, effectiveTriggers(olds.triggers)),
    };
    return Object.keys(changed).filter((key) => changed[key]);
}

/** State of a version that did not record it yet is no reason to take a new set. */
function quiesceChanged({ quiesced, evidence }: OldState, { quiesce }: SnapshotInputs): boolean {
    const before = quiesced ?? (evidence?.method && { method: evidence.method });
    return Boolean(before) && !same(before, quiesceKey(quiesce));
}

function updating(olds: OldState, news: SnapshotInputs): boolean {
    return (
        !same(olds.tags ?? {}, news.tags ?? {}) ||
        !same(olds.aws ?? {}, news.aws ?? {}) ||
        olds.recorded === false ||
        olds.adopted === true ||
        (olds.unfinished === true && (news.waitForCompletion ?? true))
    );
}

/** Absent and the default are the same; so is any order of the excluded volumes. */
function volumesOf({ volumes }: Pick<OldState, "volumes">): unknown {
    if (isUnknown(volumes)) {
        return volumes;
    }
    return {
        excludeBootVolume: volumes?.excludeBootVolume ?? false,
        excludeDataVolumeIds: [...(volumes?.excludeDataVolumeIds ?? [])].sort(),
    };
}
