import { CustomResource, createUrn } from "@pulumi/pulumi";
// Apart, as the TypeScript 3.8 that Pulumi ships knows no `type` among other names.
import type { CustomResourceOptions, ID, Input, Output } from "@pulumi/pulumi";
import type { ConsistencyLevel, Evidence, GroupEvidence } from "../base/evidence";
import type { InstanceFacts, SnapshotInfo } from "../base/outputs";
import { groupSecretTable } from "../base/secretTable";
import { SHARED_INPUTS } from "./appConsistentSnapshot";
import type { AppConsistentSnapshotArgs, HooksArgs } from "./appConsistentSnapshot";
import { dynamicProperties } from "./dynamicProperties";
import { assertExecutionId, assertResolvable, assertUsable, hiding } from "./resourceOptions";
import { secretLeaves } from "./secretLeaves";
import type { SnapshotSet } from "./snapshotSet";

/** One instance of a group. */
export interface GroupMemberArgs {
    /** The instance. A change replaces the group. */
    instanceId: AppConsistentSnapshotArgs["instanceId"];
    /** How to quiesce it: by scripts, as only they hold a freeze for as long as the other members need. */
    quiesce: HooksArgs;
    /** Volumes to leave out. Default: none. A change replaces the group. */
    volumes?: AppConsistentSnapshotArgs["volumes"] | undefined;
}

/** What all members have in common means the same as for an `AppConsistentSnapshot`. */
export interface AppConsistentSnapshotGroupArgs extends Omit<
    AppConsistentSnapshotArgs,
    "instanceId" | "quiesce" | "volumes"
> {
    /** 2 to 10 instances of one account and region, by names of your choice. Adding or removing one replaces the group. */
    members: Record<string, GroupMemberArgs>;
}

/** The set of one member: what an `AppConsistentSnapshot` has as outputs. */
export interface GroupMember {
    /** Boot volume first, then by device name. */
    readonly snapshotIds: string[];
    /** What an image's block device mapping needs of each snapshot, in the same order. */
    readonly snapshots: SnapshotInfo[];
    /** What the evidence proves of this set alone. */
    readonly consistencyLevel: ConsistencyLevel;
    /** The proof of the level. */
    readonly evidence: Evidence;
    /** The instance at the time of the snapshot. */
    readonly instance: InstanceFacts;
    /** True while the instance is not known to be awake. */
    readonly thawPending: boolean;
    /** When the snapshots were taken. ISO 8601. */
    readonly startTime: string;
}

const PROVIDER = "pulumi-app-consistent-snapshot/bin/provider/groupProvider";
const TYPE = "pulumi-nodejs:dynamic/ec2:AppConsistentSnapshotGroup";

const EXISTING = 'To read one without managing it, use AppConsistentSnapshotGroup.get("NAME", "acs-...").';

const INPUTS: { readonly [Name in keyof AppConsistentSnapshotGroupArgs]-?: true } = {
    members: true,
    ...SHARED_INPUTS,
};

/**
 * Snapshots of all EBS volumes of several instances, taken at one point: while all of them are quiesced. So what one
 * server has written because of another one is in both sets or in neither.
 *
 * @example
 * const login = { user: "snapshot", privateKey };
 * const ledger = new AppConsistentSnapshotGroup("ledger", {
 *     members: {
 *         accounts: {
 *             instanceId: "i-0123456789abcdef0",
 *             quiesce: { method: "hooks", connection: { ...login, host: "10.0.1.10", hostKey: "SHA256:..." } },
 *         },
 *         orders: {
 *             instanceId: "i-0123456789abcdef1",
 *             quiesce: { method: "hooks", connection: { ...login, host: "10.0.1.11", hostKey: "SHA256:..." } },
 *         },
 *     },
 *     triggers: [config.get("run")],
 * });
 * export const { samePoint, consistencyLevel } = ledger;
 */
export class AppConsistentSnapshotGroup extends CustomResource {
    /** The sets, by the members' names. */
    public readonly members: Output<Record<string, GroupMember>>;
    /** The lowest of its members' levels; `crash` when `samePoint` is false. */
    declare public readonly consistencyLevel: Output<ConsistencyLevel>;
    /**
     * Every member's freeze is proven to have been held from before the first CreateSnapshots was sent until after the
     * last one had answered.
     */
    declare public readonly samePoint: Output<boolean>;
    /** The times of the group. */
    declare public readonly evidence: Output<GroupEvidence>;
    /** True while an instance is not known to be awake; the next `pulumi up` thaws it. */
    declare public readonly thawPending: Output<boolean>;
    /** What the engine knows `members` by: as an input, that name is taken. */
    declare private readonly sets: Output<Record<string, GroupMember>>;
    /** Not known of a group that was got by its id. */
    readonly #names: readonly string[] | undefined;

    /** @throws Error when an option of Pulumi cannot have the effect that its user expects. */
    constructor(name: string, args: AppConsistentSnapshotGroupArgs, opts?: CustomResourceOptions) {
        assertUsable({ type: "AppConsistentSnapshotGroup", name, existing: EXISTING }, args, opts);
        assertResolvable(PROVIDER);
        const isGot = opts?.id !== undefined;
        const inputs = isGot ? { aws: args.aws } : secretLeaves(args, Object.keys(INPUTS), groupSecretTable);
        const owner = isGot ? undefined : createUrn(name, TYPE, opts?.parent);
        super(
            TYPE,
            name,
            dynamicProperties(PROVIDER, { ...inputs, owner }, outputs),
            hiding(opts, ["owner", "members", "__provider", ...Object.keys(outputs)]),
        );
        this.members = this.sets;
        this.#names = isGot ? undefined : Object.keys(args.members);
    }

    /** Finds the sets of an existing group by its id (`acs-...`). Its tags tell no times: `evidence` is empty. */
    static get(
        name: string,
        id: Input<ID>,
        args: Pick<AppConsistentSnapshotGroupArgs, "aws"> = {},
        opts?: CustomResourceOptions,
    ): AppConsistentSnapshotGroup {
        assertExecutionId(id, {
            type: "AppConsistentSnapshotGroup",
            name,
            kind: "a group",
            tag: "app-consistent-snapshot:group",
        });
        return new AppConsistentSnapshotGroup(name, args as AppConsistentSnapshotGroupArgs, { ...opts, id });
    }

    /**
     * The set of one member, for `AppConsistentAmi` and `AppConsistentReplica`.
     * @throws Error when the group has no such member
     */
    member(name: string): SnapshotSet {
        if (this.#names?.includes(name) === false) {
            throw new Error(`the group has no member "${name}"; it has ${this.#names.join(", ")}`);
        }
        const set = this.members.apply((members) => {
            const found = members[name];
            if (found === undefined) {
                throw new Error(`the group has no set of its member "${name}"`);
            }
            return found;
        });
        return {
            id: set.evidence.executionId,
            snapshotIds: set.snapshotIds,
            snapshots: set.snapshots,
            consistencyLevel: set.consistencyLevel,
            evidence: set.evidence,
            instance: set.instance,
            startTime: set.startTime,
            imageId: set.apply(() => undefined),
            quiescing: { method: "hooks", createImage: false },
        };
    }
}

/** Declared, so that they are unknown, not absent, at preview. */
const outputs = {
    sets: undefined,
    consistencyLevel: undefined,
    samePoint: undefined,
    evidence: undefined,
    thawPending: undefined,
};
