import { expect } from "chai";
import { type Clients, clientsFor } from "../../../provider/aws/clients";
import { SnapshotError } from "../../../provider/base/errors";
import { type Finishing, finishSet } from "../../../provider/run/finishSet";
import { engineGoneFailure } from "../../../provider/base/interruption";
import { configure, create } from "../../../lab/scenes/lifecycle";
import { UnfinishedError } from "../../../provider/run/state";
import { takeSnapshot } from "../../../provider/run/takeSnapshots";
import { timing } from "../../../provider/base/timing";
import { CapturedLog } from "../../../lab/capturedLog";
import type { CloudInstance, LocalCloud } from "../../../lab/cloud/localCloud";
import { rejection } from "../../../lab/rejection";
import { sharedCloud, useCloud } from "../../../lab/cloud/sharedCloud";
import { Shared } from "../../../provider/run/shared";
import { runOf } from "../../../lab/scenes/run";

const interrupted = new SnapshotError({
    code: "INTERRUPTED",
    message: "The run was interrupted.",
    remedy: "r",
});

describe("finishing a set", () => {
    const usual = { ...timing };
    let cloud: LocalCloud;
    let clients: Clients;
    let instance: CloudInstance;
    let log: CapturedLog;
    let restore: () => void;

    before(async () => {
        cloud = await sharedCloud();
        restore = useCloud(cloud);
        configure(new Map<string, string>());
        clients = await clientsFor(undefined, {});
    });

    beforeEach(async () => {
        instance = await cloud.createInstance();
        await cloud.configureSnapshots({ durationMs: 60_000 }, instance.instanceId);
        log = new CapturedLog();
    });

    afterEach(async () => {
        log.restore();
        Object.assign(timing, usual);
        await cloud.reset();
    });

    after(() => restore());

    const left = async () => (await cloud.snapshots(instance)).map(({ snapshotId }) => snapshotId).sort();

    /** A set that is pending, and what finishes it; `seen` is called with each line of progress. */
    async function pendingSet(fresh: boolean, seen: (abort: AbortController) => void) {
        const inputs = { instanceId: instance.instanceId, quiesce: { method: "none" as const } };
        const { id, outs } = await create({ ...inputs, waitForCompletion: false });
        const abort = new AbortController();
        const run: Finishing = {
            executionId: id,
            inputs,
            clients,
            fresh,
            shared: new Shared(() => Promise.resolve(false)),
            log: (line) => {
                if (line.includes("0 of 3")) {
                    seen(abort);
                }
            },
            signal: abort.signal,
        };
        return { run, state: outs };
    }

    describe("when the engine is gone while it is waited for", () => {
        it("keeps a set that Pulumi knows", async () => {
            const { run, state } = await pendingSet(false, (abort) =>
                abort.abort(new SnapshotError(engineGoneFailure)),
            );
            const error = await rejection<UnfinishedError>(finishSet(run, state));
            expect(error).to.be.instanceOf(UnfinishedError);
            expect(error.message).to.match(/ENGINE_GONE.*the set snap-.* is kept\./);
            expect(error.state).to.deep.equal({ ...state, unfinished: true });
            expect(await left()).to.deep.equal([...state.snapshotIds].sort());
        });

        it("keeps a set that Pulumi knows, though a snapshot has failed meanwhile", async () => {
            const { run, state } = await pendingSet(false, () => undefined);
            await cloud.failSnapshots([...state.snapshotIds], "No such key");
            const gone = { ...run, signal: AbortSignal.abort(new SnapshotError(engineGoneFailure)) };
            expect(await rejection(finishSet(gone, state))).to.be.instanceOf(UnfinishedError);
            expect(await left()).to.have.length(3);
        });

        it("deletes a set of which nobody was told", async () => {
            const { run, state } = await pendingSet(true, (abort) =>
                abort.abort(new SnapshotError(engineGoneFailure)),
            );
            const error = await rejection<SnapshotError>(finishSet(run, state));
            expect(error).not.to.be.instanceOf(UnfinishedError);
            expect(error.code).to.equal("ENGINE_GONE");
            expect(error.message).to.include("State: the instance is awake; the set is deleted.");
            expect(await left()).to.deep.equal([]);
        });
    });

    for (const fresh of [true, false]) {
        it(`keeps the set when it is interrupted, ${fresh ? "fresh" : "known"}`, async () => {
            const { run, state } = await pendingSet(fresh, (abort) => abort.abort(interrupted));
            const error = await rejection<UnfinishedError>(finishSet(run, state));
            expect(error).to.be.instanceOf(UnfinishedError);
            expect(error.state).to.include({ unfinished: true }).and.have.property("snapshotIds");
            expect(await left()).to.have.length(3);
        });

        it(`deletes the set when a snapshot failed, ${fresh ? "fresh" : "known"}`, async () => {
            const { run, state } = await pendingSet(fresh, () => {
                void cloud.failSnapshots([...state.snapshotIds], "No such key");
            });
            const error = await rejection<SnapshotError>(finishSet(run, state));
            expect(error.message).to.match(/^SNAPSHOT_FAILED: .*No such key.*the set is deleted\./);
            expect(await left()).to.deep.equal([]);
        });

        it(`keeps the rest when a snapshot is lost, ${fresh ? "fresh" : "known"}`, async () => {
            timing.visibleMs = 1_000;
            const { run, state } = await pendingSet(fresh, () => undefined);
            const [first, ...rest] = [...state.snapshotIds].sort();
            await cloud.deleteSnapshots([first!]);
            const error = await rejection<UnfinishedError>(finishSet(run, state));
            expect(error.code).to.equal("SNAPSHOT_LOST");
            expect(error.state.lost).to.deep.equal([`${first!} was deleted`]);
            expect(await left()).to.deep.equal(rest);
        });
    }

    it("does not forget what was lost before when waiting ends for another reason", async () => {
        const { run, state } = await pendingSet(false, (abort) => abort.abort(interrupted));
        const lost = ["snap-0 was deleted"];
        const error = await rejection<UnfinishedError>(finishSet(run, { ...state, lost }));
        expect(error.state.lost).to.deep.equal(lost);
    });

    it("keeps a set when the run is interrupted between the commit point and the waiting", async () => {
        const abort = new AbortController();
        const owner = "urn:pulumi:dev::shop::ec2:AppConsistentSnapshot::interrupted";
        // Those before are the dry runs', the warm connection's and the verification's; by its filter it is known.
        const gate = await cloud.gate("DescribeSnapshots", { resource: owner, skip: 1 });
        const taking = takeSnapshot(
            runOf({
                executionId: "acs-00000000-0000-4000-8000-00000000c0de",
                inputs: { instanceId: instance.instanceId, quiesce: { method: "none" }, owner },
                clients,
                signal: abort.signal,
            }),
        );
        taking.catch(() => undefined);
        await gate.reached();
        expect(await left()).to.have.length(3);
        abort.abort(interrupted);
        await gate.release();
        const error = await rejection<UnfinishedError>(taking);
        expect(error).to.be.instanceOf(UnfinishedError);
        expect([...error.state.snapshotIds].sort()).to.deep.equal(await left());
    });
});
