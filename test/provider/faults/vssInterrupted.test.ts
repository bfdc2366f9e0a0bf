import { assert } from "chai";
import { SnapshotError } from "../../../provider/base/errors";
import { timing } from "../../../provider/base/timing";
import type { CloudCall } from "../../../lab/cloud/localCloud";
import { PACKAGE, VSS, VSS_AND_INSTALL, WindowsScene, stateOf } from "../../../lab/scenes/windowsScene";

/** Pulumi kills the provider 5 s after its SIGINT; `interrupt.ts` ends it after 4. */
const LIMIT_MS = 4_000;
const TAG = "app-consistent-snapshot:";

const NOTHING_KEPT = /^INTERRUPTED .*no snapshot was kept/;
/** There is no time to wait for what the document may still make. */
const MAY_FOLLOW =
    /^INTERRUPTED .*next run deletes what could not be undone now \(delete the snapshots: the document has not ended yet, or AWS does not show yet what it made\)/;

const interrupted = () =>
    new SnapshotError({ code: "INTERRUPTED", message: "The run was interrupted.", remedy: "Run again." });

describe("a run of VSS that is interrupted", function () {
    this.timeout(300_000);
    let scene: WindowsScene;

    before(async () => {
        scene = await WindowsScene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => scene.stop());

    /** What nobody was told of is marked as such, for the next run that finds it abandoned. */
    const forgetAbandoned = async (executionId: string): Promise<number> => {
        const all = await scene.cloud.snapshots(scene.instance);
        const own = all.filter(({ tags }) => tags[`${TAG}execution`] === executionId);
        for (const { tags } of own) {
            assert.equal(tags[`${TAG}state`], "in-progress");
            assert.isAbove(Date.parse(tags[`${TAG}lease`] ?? ""), Date.now());
        }
        await scene.cloud.deleteSnapshots(own.map(({ snapshotId }) => snapshotId));
        return own.length;
    };

    it("at any request to AWS ends in time, and the next run succeeds and cleans up", async () => {
        // Which requests there are is what a whole run shows.
        const { calls } = await scene.create();
        await scene.reset();
        const steps = stepsOf(calls.filter(({ byInstance }) => !byInstance));
        for (const { phase, operation, skip } of steps) {
            const what = `${phase} ${operation} (${skip + 1})`;
            const abort = new AbortController();
            const match = { skip, dryRun: null, accessKeyId: scene.cloud.accessKeyId } as const;
            const gate = await scene.cloud.gate(operation, { phase, ...match });
            const running = scene.createUntil(abort.signal);
            const reached = await Promise.race([gate.reached(), running.then(() => undefined)]);
            assert(reached !== undefined, `${what}: it ended before it could be interrupted`);
            const began = performance.now();
            abort.abort(interrupted());
            await gate.release();
            const outcome = await running;
            const tookMs = performance.now() - began;
            assert.isBelow(tookMs, LIMIT_MS, what);
            const told = outcome.error?.message ?? "";
            if (outcome.error?.properties === undefined) {
                // What was committed is kept, whatever happens to its process: then there is no error.
                if (outcome.state === undefined) {
                    assert.match(told, /^INTERRUPTED /, what);
                }
            } else {
                assert.match(told, /^COMPLETION_PENDING |^TAGGING_FAILED |^INTERRUPTED /, what);
            }
            await scene.ssm.allEnded();
            await scene.cloud.reset();
            const known = outcome.state ?? outcome.error?.properties;
            const left = known === undefined ? await forgetAbandoned(outcome.id) : 0;
            const { componentsVersion } = await scene.ssm.managed(scene.instanceId);
            console.log(
                `        ${what}: ${Math.round(tookMs)} ms, left ${left} snapshots, components ${componentsVersion ?? "none"}`,
            );
            // As if it were later: the run that was interrupted is not taken for a living one any more.
            timing.betweenCommandsMs = 0;
            const next = await scene.create({ owner: outcome.inputs.owner });
            assert.equal(stateOf(next).consistencyLevel, "application", what);
            await scene.afterEach();
        }
    });

    for (const [what, match] of [
        ["the components are installed", { document: PACKAGE, parameters: { action: "Install" } }],
        ["the document freezes", { document: VSS }],
    ] as const) {
        it(`while ${what} cancels the command, and has the components removed`, async () => {
            const gate = await scene.ssm.hold(match);
            const abort = new AbortController();
            const running = scene.createUntil(abort.signal);
            await gate.reached();
            abort.abort(interrupted());
            const outcome = await running;
            assert.match(
                outcome.error?.message ?? "",
                match.document === PACKAGE ? NOTHING_KEPT : MAY_FOLLOW,
            );
            assert.include(
                outcome.calls.map(({ operation }) => operation),
                "CancelCommand",
            );
            await gate.release();
            await scene.ssm.allEnded();
            if (match.document === PACKAGE) {
                // The agent does not end an installation; the removal found it at work, so the next run removes them.
                assert.equal(stateOf(await scene.create()).evidence.vss?.installedByUs, true);
            }
        });
    }

    for (const changes of [{ quiesce: { createImage: true } }, { minimumLevel: "crash" }] as const) {
        it(`while the document freezes, with ${JSON.stringify(changes)}: no plain set, and no image is left`, async () => {
            const gate = await scene.ssm.hold({ document: VSS });
            const abort = new AbortController();
            const running = scene.createUntil(abort.signal, changes);
            await gate.reached();
            abort.abort(interrupted());
            const outcome = await running;
            assert.match(outcome.error?.message ?? "", MAY_FOLLOW);
            await gate.release();
            await scene.ssm.allEnded();
            assert.isEmpty(
                outcome.calls.filter((call) => call.operation === "CreateSnapshots" && !call.dryRun),
            );
        });
    }

    it("with its image made and not tagged yet deletes image and snapshots", async () => {
        const gate = await scene.cloud.gate("CreateTags", { accessKeyId: scene.cloud.accessKeyId });
        const abort = new AbortController();
        const running = scene.createUntil(abort.signal, { quiesce: { createImage: true } });
        await gate.reached();
        abort.abort(interrupted());
        await gate.release();
        assert.match((await running).error?.message ?? "", NOTHING_KEPT);
        // Who is in a hurry sends the removal, and does not wait for it.
        await scene.ssm.allEnded();
    });

    it("while another run uses the components does not pull them away", async () => {
        const other = await scene.ssm.hold({ document: VSS, times: 1 });
        const first = scene.create();
        await other.reached();
        const gate = await scene.ssm.hold({ document: VSS });
        const abort = new AbortController();
        const second = scene.createUntil(abort.signal);
        await gate.reached();
        abort.abort(interrupted());
        assert.match((await second).error?.message ?? "", /^INTERRUPTED /);
        assert.equal((await scene.ssm.managed(scene.instanceId)).componentsVersion, "2.5.1");
        await other.release();
        assert.equal(stateOf(await first).consistencyLevel, "application");
    });

    it("by an engine that is gone takes back all of it, in its own time", async () => {
        await scene.ssm.setCourse({ vss: "hangsAfterSnapshots" }, { document: VSS });
        const abort = new AbortController();
        const gate = await scene.cloud.gate("CreateSnapshots", { phase: "after" });
        const running = scene.createUntil(abort.signal, { quiesce: {} });
        await gate.reached();
        await gate.release();
        const message = "The Pulumi engine that started this run is gone.";
        abort.abort(new SnapshotError({ code: "ENGINE_GONE", message, remedy: "Run again." }));
        assert.match((await running).error?.message ?? "", /^ENGINE_GONE .*no snapshot was kept/);
    });

    it("leaves a set behind an image that the next run of the resource finds abandoned, and deletes with it", async () => {
        const first = await scene.create({ quiesce: { createImage: true }, waitForCompletion: false });
        const snapshotIds = [...stateOf(first).snapshotIds];
        await scene.abandon(first);
        const next = await scene.create({ owner: first.inputs.owner });
        stateOf(next);
        assert.match(next.lines.join("\n"), new RegExp(`deleting the abandoned set ${first.id}`));
        const left = (await scene.cloud.snapshots(scene.instance)).map(({ snapshotId }) => snapshotId);
        assert.notIncludeMembers(left, snapshotIds);
    });

    it("leaves an image whose snapshots have no tags: the next run deletes them all the same", async () => {
        const first = await scene.create({ quiesce: { createImage: true }, waitForCompletion: false });
        await scene.abandon(first, { bare: true });
        const next = await scene.create({ owner: first.inputs.owner });
        stateOf(next);
        assert.match(next.lines.join("\n"), new RegExp(`deleting the abandoned set ${first.id}`));
    });

    it("uses whichever document there is", async () => {
        await scene.ssm.removeDocument(VSS);
        const gate = await scene.ssm.hold({ document: VSS_AND_INSTALL, step: "CreateVssSnapshot" });
        const abort = new AbortController();
        const running = scene.createUntil(abort.signal);
        await gate.reached();
        abort.abort(interrupted());
        assert.match((await running).error?.message ?? "", MAY_FOLLOW);
        await gate.release();
        await scene.ssm.allEnded();
    });
});

interface Step {
    readonly phase: "before" | "after";
    readonly operation: string;
    /** So many of the same come before it. */
    readonly skip: number;
}

/** Each request once; what is asked again and again until the answer changes, the first time only. */
function stepsOf(calls: readonly CloudCall[]): Step[] {
    return calls.flatMap((call, index) => {
        const { operation } = call;
        const skip = calls.slice(0, index).filter((before) => before.operation === operation).length;
        const polled = operation === "GetCommandInvocation" && skip > 0;
        return polled ? [] : phasesOf(call).map((phase) => ({ phase, operation, skip }));
    });
}

/** Whether it was carried out makes a difference only where something changes. */
function phasesOf(call: CloudCall): ("before" | "after")[] {
    return call.dryRun || /^(Describe|Get|List)/.test(call.operation) ? ["before"] : ["before", "after"];
}
