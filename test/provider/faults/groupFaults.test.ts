import { assert } from "chai";
import { timing } from "../../../provider/base/timing";
import type { SshHost } from "../../../lab/hosts/sshHost";
import { needsRoot } from "../../../lab/hosts/sshHost";
import { HostGroup } from "../../../lab/hosts/hostGroup";
import { type GroupChanges, type GroupOutcome, GroupScene } from "../../../lab/scenes/groupScene";
import { Scene } from "../../../lab/scenes/scene";

const NAMES = ["db", "app", "files"];
/** The one that something happens to. */
const APP = "app";
const OTHERS = ["db", "files"];

/** One thing that goes wrong with one of three. */
interface Fault {
    readonly title: string;
    /** The code of the error. */
    readonly code: string;
    readonly changes?: GroupChanges;
    /** Before the run. */
    readonly arrange?: () => Promise<void> | void;
    /** When all are frozen, and the request for the set of `files` waits in the cloud. */
    readonly whileFrozen?: (app: SshHost) => Promise<void> | void;
    /** What is expected where plain sets of all will do. Default: plain sets. */
    readonly plain?: "fails" | "the sets that were taken";
}

describe("faults of one of three servers", function () {
    this.timeout(180_000);
    const usual = { ...timing };
    let group: GroupScene;

    before(async function () {
        needsRoot(this);
        group = await GroupScene.start(...NAMES);
    });
    beforeEach(() => Object.assign(timing, { throttlePauseMs: 50, lateAnswerMs: 1_000, visibleMs: 3_000 }));
    afterEach(async () => {
        Object.assign(timing, usual);
        await group.afterEach();
    });
    after(() => Scene.stopAll());

    const host = (name: string) => group.scene(name).host;
    const app = () => group.scene(APP);
    const idOf = (name: string) => group.scene(name).instance.instanceId;
    const untilAwake = async (...names: string[]) => {
        for (const name of names) {
            await host(name).until(() => !host(name).frozen, { what: `${name} to be awake` });
        }
    };
    const allFrozen = () => NAMES.map((name) => host(name).frozen);

    const faults: Fault[] = [
        {
            title: "pre-freeze refuses",
            code: "PRE_FREEZE_FAILED",
            arrange: () => app().host.writeHooks({ pre: "exit 7" }),
        },
        {
            title: "pre-freeze hangs",
            code: "PRE_FREEZE_TIMEOUT",
            changes: { timeouts: { preFreeze: 2 } },
            arrange: () => app().host.writeHooks({ pre: "sleep 60" }),
        },
        {
            title: "pre-freeze is slower than the others may be frozen for",
            code: "FREEZE_EXPIRED",
            changes: { timeouts: { preFreeze: 20, freeze: 1 } },
            arrange: () => app().host.writeHooks({ pre: "sleep 15" }),
        },
        {
            title: "its way is closed",
            code: "PRECONDITION_FAILED",
            changes: { timeouts: { connect: 2 }, members: { [APP]: { connection: { port: 9 } } } },
        },
        {
            title: "no process can be had on it before anything is frozen",
            code: "PRECONDITION_FAILED|PRE_FREEZE_FAILED|CONNECTION_LOST",
            changes: { timeouts: { connect: 5 } },
            arrange: () => limited?.denyForks(),
        },
        {
            title: "its session dies while it is frozen",
            code: "HOLD_UNPROVEN",
            whileFrozen: (one) => one.killSessions(),
        },
        {
            title: "it says at last that it held nothing any more",
            code: "HOLD_LOST",
            arrange: () => app().host.writeHooks({ post: `rm -f ${app().host.frozenPath}; exit 205` }),
            plain: "the sets that were taken",
        },
        {
            title: "its set is refused while that of another one is waited for",
            code: "ACCESS_DENIED",
            arrange: () => refuse("UnauthorizedOperation"),
            whileFrozen: () => undefined,
            plain: "fails",
        },
        {
            title: "its set is carried out, and the answer cut",
            code: "SNAPSHOT_OUTCOME_UNKNOWN",
            arrange: async () => {
                const fault = { kind: "cut", phase: "after" } as const;
                await group.cloud.fault("CreateSnapshots", fault, { resource: idOf(APP) });
            },
            plain: "fails",
        },
        {
            title: "its request has no answer",
            code: "SNAPSHOT_OUTCOME_UNKNOWN|FREEZE_EXPIRED",
            changes: { timeouts: { freeze: 2 } },
            arrange: async () => {
                await group.cloud.fault("CreateSnapshots", { kind: "never" }, { resource: idOf(APP) });
            },
            plain: "fails",
        },
        {
            title: "its request is throttled each time",
            code: "SNAPSHOT_THROTTLED",
            arrange: async () => {
                const fault = { kind: "error", code: "RequestLimitExceeded", status: 503 } as const;
                await group.cloud.fault("CreateSnapshots", fault, { resource: idOf(APP), times: null });
            },
            plain: "fails",
        },
        {
            title: "its set has twice as many snapshots",
            code: "DUPLICATE_SNAPSHOTS",
            arrange: async () => {
                await group.cloud.fault("CreateSnapshots", { kind: "actTwice" }, { resource: idOf(APP) });
            },
            plain: "fails",
        },
    ];
    let limited: HostGroup | undefined;

    async function refuse(code: string): Promise<void> {
        await group.cloud.fault("CreateSnapshots", { kind: "error", code }, { resource: idOf(APP) });
    }

    /** @param frozen what the fault does when all are frozen; the others must be awake before the cloud answers */
    async function run({ changes, whileFrozen }: Fault, more: GroupChanges = {}): Promise<GroupOutcome> {
        if (whileFrozen === undefined) {
            return await group.create({ ...changes, ...more });
        }
        const gate = await group.cloud.gate("CreateSnapshots", { resource: idOf("files") });
        const creating = group.create({ ...changes, ...more });
        await gate.reached();
        await whileFrozen(app().host);
        await untilAwake(...NAMES);
        await gate.release();
        return await creating;
    }

    async function withLimits(work: () => Promise<void>): Promise<void> {
        limited = HostGroup.around(app().host);
        try {
            await work();
        } finally {
            limited.allowForks();
            limited = undefined;
        }
    }

    function assertPlain({ state, error }: GroupOutcome, code: string): void {
        assert.equal(state?.consistencyLevel, "crash", error?.message);
        assert.isFalse(state?.samePoint);
        assert.isFalse(state.thawPending);
        assert.sameMembers(Object.keys(state.sets), NAMES);
        const reasons = Object.values(state.sets).map(({ evidence }) => evidence.reason);
        assert.isTrue(
            reasons.some((reason) => new RegExp(`^(${code})$`).test(reason ?? "")),
            String(reasons),
        );
    }

    function assertNothing({ state, error }: GroupOutcome, code: string): void {
        assert.isUndefined(state);
        assert.isUndefined(error?.properties, `something is kept: ${String(error)}`);
        assert.match(error?.message ?? "", new RegExp(`^(${code}): `));
        assert.match(error?.message ?? "", /no snapshot was kept/);
    }

    for (const fault of faults) {
        it(`${fault.title}: all awake, nothing kept, or plain sets of all; then the next run works`, async () => {
            await withLimits(async () => {
                if (fault.plain !== "fails") {
                    await fault.arrange?.();
                    assertNothing(await run(fault), fault.code);
                    assert.deepEqual(allFrozen(), [false, false, false]);
                    limited?.allowForks();
                }

                await group.cloud.reset();
                await fault.arrange?.();
                const outcome = await run(fault, { minimumLevel: "crash" });
                if (fault.plain === "fails") {
                    assertNothing(outcome, fault.code);
                } else {
                    assertPlain(outcome, fault.code);
                }
            });
            await group.cloud.reset();
            NAMES.forEach((name) => host(name).writeHooks());
            const next = await group.create();
            assert.isTrue(next.state?.samePoint, next.error?.message);
        });
    }

    it("a set with a volume too few: nothing is kept", async () => {
        const { volumeId } = await group.cloud.attachVolume(idOf(APP));
        const gate = await group.cloud.gate("CreateSnapshots", { resource: idOf(APP) });
        const creating = group.create();
        await gate.reached();
        await group.cloud.detachVolume(idOf(APP), volumeId);
        await gate.release();
        assertNothing(await creating, "VOLUMES_CHANGED");
    });

    it("one that is slow to freeze: the others wait for it, frozen, and it is one point", async () => {
        app().host.writeHooks({ pre: "sleep 2" });
        const { state, error } = await group.create();
        assert.isTrue(state?.samePoint, error?.message);
        for (const name of OTHERS) {
            assert.isAbove(state.sets[name]?.evidence.freezeWindowMs ?? 0, 1_900);
        }
    });

    it("nobody is left on one who could thaw it: the others are awake at once, and the next run thaws it", async () => {
        const gate = await group.cloud.gate("CreateSnapshots", { resource: idOf("files") });
        const creating = group.create({ timeouts: { connect: 2, postThaw: 1 } });
        await gate.reached();
        // The next login fails as well, so that the run itself cannot thaw it.
        app().host.writeHooks({ post: "exit 1" });
        app().killAll();
        await untilAwake(...OTHERS);
        assert.isTrue(host(APP).frozen);
        await gate.release();
        const before = await creating;
        assert.match(before.error?.message ?? "", /^THAW_PENDING: Member app \(i-\w+\), THAW_PENDING/);
        assert.deepEqual(Object.keys(group.stateAfter(before).sets), [APP]);
        assert.deepEqual(group.diff(before).replaces, ["members"]);
        NAMES.forEach((name) => host(name).writeHooks());
        const after = await group.create();
        assert.isTrue(after.state?.samePoint, after.error?.message);
        assert.deepEqual(allFrozen(), [false, false, false]);
        await group.remove(before);
    });
});
