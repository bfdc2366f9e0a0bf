import type { OldState } from "./diff";
import type { Frozen } from "./heal";
import type { SnapshotInputs } from "../inputs/inputs";
import { containsUnknown } from "../base/unknown";

/** State as the engine sends it: outputs, and copies of some inputs. */
export type State = Frozen & OldState & Pick<SnapshotInputs, "owner">;

/** A resource that is not known to be awake, as `diff` got to see it. */
export interface PendingThaw {
    readonly id: string;
    readonly state: State;
}

/**
 * What the engine tells in one call and a later call of the same process needs: `create` does not get to see the old
 * state, `delete` gets no inputs. By the resource that owns it. What another process has to know is in the states.
 */
export class StackKnowledge {
    readonly #sets = new Map<string, Set<string>>();
    readonly #pending = new Map<string, PendingThaw>();
    readonly #inputs = new Map<string, SnapshotInputs>();
    readonly #healed = new Set<string>();

    /** What `diff` is called with. `owner`: what to know the resource by; a group has several sets under one URN. */
    learn(id: string, state: State, inputs: SnapshotInputs, owner = inputs.owner): void {
        this.learnState(state);
        if (owner === undefined) {
            return;
        }
        this.learnSet(id, state, owner);
        this.#inputs.set(owner, inputs);
        if (state.thawPending) {
            this.#pending.set(owner, { id, state });
        } else {
            this.#pending.delete(owner);
        }
    }

    /** That a set is in the stack, and those that it came after: they are not abandoned. */
    learnSet(id: string, { replaced = [] }: Pick<State, "replaced">, owner: string): void {
        const sets = this.#sets.get(owner) ?? new Set();
        // The engine deletes what was replaced at the end of a run, of this one if an earlier one has failed.
        this.#sets.set(owner, new Set([...sets, ...replaced, id]));
    }

    /** What a state says of others than its own resource. */
    learnState({ healed = [] }: Pick<Partial<State>, "healed">): void {
        this.markHealed(healed);
    }

    markHealed(executionIds: Iterable<string>): void {
        for (const id of executionIds) {
            this.#healed.add(id);
        }
    }

    isHealed(executionId: string): boolean {
        return this.#healed.has(executionId);
    }

    /** Sets of the resource that its `create` may replace, or that are still to be deleted. */
    setsOf(owner = ""): ReadonlySet<string> {
        return this.#sets.get(owner) ?? new Set();
    }

    /** What a `create` has to wake first. */
    pendingOf(owner = ""): PendingThaw | undefined {
        const pending = this.#pending.get(owner);
        return pending === undefined || this.isHealed(pending.id) ? undefined : pending;
    }

    /** The way to the host of a resource, if the program has one by now. */
    inputsOf(owner = ""): SnapshotInputs | undefined {
        const inputs = this.#inputs.get(owner);
        return containsUnknown(inputs) ? undefined : inputs;
    }
}
