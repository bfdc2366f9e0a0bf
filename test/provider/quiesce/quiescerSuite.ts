import { assert } from "chai";
import { QuiesceError } from "../../../provider/quiesce/quiesceError";
import type { CreatedSet } from "../../../provider/aws/createSnapshots";
import type { Capture, Quiescer, SnapshotCall } from "../../../provider/quiesce/quiescer";
import { Undo } from "../../../provider/base/undo";
import { capture as captureAll } from "../../../provider/run/capture";
import { errorsOf } from "../../../provider/run/groupFailure";

/** What the suite needs to know of a way to quiesce. */
export interface Subject {
    /** A quiescer of its own for each test. `signal` is the run's. */
    make(signal: AbortSignal): Quiescer | Promise<Quiescer>;
    /** Whether something on the instance is quiesced now. */
    frozen(): boolean | Promise<boolean>;
    /** Fails when anything of a run is left on the instance. */
    assertClean(): Promise<void>;
    /** What the evidence says when all goes well. */
    readonly vouchedLevel: Capture["evidence"]["vouchedLevel"];
    /** It calls `reserve` and takes the set through it; VSS takes it by itself. */
    readonly reserves: boolean;
    /** It freezes for as long as the call takes, and proves so. */
    readonly holds: boolean;
    /** For one that has the set taken by somebody else: what the suite's own call does for the others. */
    readonly taker?: {
        /** The set cannot be taken, with this text. */
        refuse(text: string): Promise<void>;
        /** Acts while the set is being taken. */
        meanwhile(act: () => void): Promise<void>;
        /** When nobody takes one any more: who is interrupted does not wait for that. */
        ended(): Promise<void>;
    };
}

const LIMIT_MS = 60_000;

/**
 * What holds for every quiescer: the contract of the interface `Quiescer`. `breakQuiescing`: makes quiescing fail from
 * now on, for one that can fail.
 */
export function describeQuiescer(
    name: string,
    subject: () => Subject,
    breakQuiescing?: () => void | Promise<void>,
): void {
    describe(`${name} as a quiescer`, function () {
        this.timeout(LIMIT_MS);
        let quiescer: Quiescer;
        let undo: Undo;
        let abort: AbortController;

        beforeEach(async () => {
            undo = new Undo();
            abort = new AbortController();
            quiescer = await subject().make(abort.signal);
        });
        afterEach(async () => {
            await undo.unwind(LIMIT_MS);
            await quiescer.close();
            assert.isFalse(await subject().frozen(), "frozen after the run");
            await subject().assertClean();
        });

        async function capture(reserve: () => Promise<SnapshotCall>, own: Undo): Promise<Capture> {
            const part = { run: { signal: abort.signal }, undo: own };
            try {
                const [captured] = await captureAll([{ part, quiescer, reserve }]);
                return captured?.capture ?? assert.fail("no set");
            } catch (error) {
                throw errorsOf(error, [part])[0];
            }
        }

        async function deploy(): Promise<void> {
            assert.deepEqual(await quiescer.preconditions(), []);
            await quiescer.deploy(undo);
        }

        it("finds nothing that stands against it, twice, and touches nothing", async () => {
            assert.deepEqual(await quiescer.preconditions(), []);
            assert.isFalse(await subject().frozen());
            await subject().assertClean();
        });

        it("freezes nothing before the set is reserved", async () => {
            await deploy();
            let frozenAtReserve: boolean | undefined;
            await capture(async () => {
                frozenAtReserve = await subject().frozen();
                return answering();
            }, undo);
            assert.equal(frozenAtReserve, subject().reserves ? false : undefined);
        });

        it("takes the set while it holds, and wakes the instance", async () => {
            await deploy();
            let frozenAtCall: boolean | undefined;
            const captured = await capture(
                () =>
                    Promise.resolve(
                        answering(async () => {
                            frozenAtCall = await subject().frozen();
                        }),
                    ),
                undo,
            );
            if (subject().reserves) {
                assert.equal(frozenAtCall, subject().holds);
            }
            assert.isFalse(await subject().frozen());
            assert.isTrue(captured.awake);
            assert.equal(captured.evidence.held, subject().holds);
            assert.isNotEmpty(captured.set.snapshots);
            assert.equal(captured.evidence.vouchedLevel, subject().vouchedLevel);
            assert.isUndefined(captured.evidence.reason);
        });

        it("gives the times of the set, not its own", async () => {
            await deploy();
            const { set, evidence } = await capture(() => Promise.resolve(answering()), undo);
            assert.equal(evidence.requestedAt, set.requestedAt);
            assert.equal(evidence.returnedAt, set.returnedAt);
            assert.equal(evidence.apiMs, set.apiMs);
        });

        it("wakes the instance when the set cannot be taken", async () => {
            await deploy();
            await subject().taker?.refuse("refused by EC2");
            const error = await failureOf(() =>
                capture(() => Promise.resolve(() => Promise.reject(new Error("refused by EC2"))), undo),
            );
            assert.include(error.message, "refused by EC2");
            assert.isFalse(await subject().frozen());
            if (error instanceof QuiesceError) {
                assert.isTrue(error.awake);
            }
        });

        it("freezes nothing when the set cannot be reserved", async () => {
            await deploy();
            if (!subject().reserves) {
                await capture(() => assert.fail("it reserves"), undo);
                return;
            }
            const error = await failureOf(() => capture(() => Promise.reject(new Error("no slot")), undo));
            assert.include(error.message, "no slot");
            assert.isFalse(await subject().frozen());
        });

        it("wakes the instance when it is interrupted while it holds", async () => {
            await deploy();
            await subject().taker?.meanwhile(() => abort.abort(new Error("interrupted")));
            const error = await failureOf(() =>
                capture(
                    () =>
                        Promise.resolve((_limitMs: number, signal: AbortSignal) => {
                            abort.abort(new Error("interrupted"));
                            return Promise.reject(signal.reason as Error);
                        }),
                    undo,
                ),
            );
            assert.include(error.message, "interrupted");
            await subject().taker?.ended();
            assert.isFalse(await subject().frozen());
        });

        it("is given up after deploying: nothing is left", async () => {
            await deploy();
            assert.deepEqual(await undo.unwind(LIMIT_MS), []);
            await subject().assertClean();
        });

        it("can be closed at any time, and again", async () => {
            await quiescer.close();
            await quiescer.close();
        });

        if (breakQuiescing !== undefined) {
            it("tells that quiescing failed, and lets a plain set take its place", async () => {
                await breakQuiescing();
                await deploy();
                const error = await failureOf(() => capture(() => Promise.resolve(answering()), undo));
                assert.instanceOf(error, QuiesceError);
                assert.isTrue(error.awake);
                assert.isTrue(error.mayFallBack);
            });
        }
    });
}

async function failureOf(work: () => Promise<unknown>): Promise<Error> {
    try {
        await work();
    } catch (error) {
        return error as Error;
    }
    return assert.fail("it succeeded");
}

/** EC2, as far as a quiescer sees it: answers with a set. */
function answering(look: () => void | Promise<void> = () => undefined): SnapshotCall {
    const set: CreatedSet = {
        snapshots: [{ snapshotId: "snap-1", volumeId: "vol-1", startTime: "2026-01-01T00:00:00.000Z" }],
        requestedAt: "2026-01-01T00:00:00.100Z",
        returnedAt: "2026-01-01T00:00:00.200Z",
        apiMs: 100,
    };
    return async () => {
        await look();
        return set;
    };
}
