import { assert } from "chai";
import {
    type Changes,
    type Outcome,
    Scene,
    SECRET,
    initError,
    plainError,
    setRequests,
    stateOf,
} from "../../../lab/scenes/scene";
import { needsRoot, startSshHost } from "../../../lab/hosts/sshHost";
import { TcpProxy } from "../../../lab/hosts/tcpProxy";

const FREEZE_FAILED = ["pre freeze", "post freezeFail", "thawed freezeFail"];
const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];
const FAILS = "exit 1";

describe("faults of the hooks", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    /** Post-thaw has run with `freezeFail`; nothing is kept, or a plain set that says why. */
    async function assertNotFrozen(code: string, text: RegExp, changes: Changes = {}): Promise<void> {
        const failed = await scene.create(changes);
        const { message } = plainError(failed);
        assert.match(message, new RegExp(`^${code} \\(${scene.instance.instanceId}\\): `));
        assert.match(message, text);
        assert.match(message, /State: the instance is awake; no snapshot was kept\. What to do: \S/);
        assert.deepEqual(failed.events, FREEZE_FAILED);
        assert.deepEqual(setRequests(failed), []);

        const plain = await scene.create({ ...changes, minimumLevel: "crash" });
        const { consistencyLevel, evidence, thawPending, snapshotIds } = stateOf(plain);
        assert.equal(consistencyLevel, "crash");
        assert.equal(evidence.reason, code);
        assert.match(evidence.message ?? "", text);
        assert.isFalse(evidence.held);
        assert.isFalse(thawPending);
        assert.lengthOf(snapshotIds, 3);
        assert.deepEqual(plain.events, FREEZE_FAILED, "awake before the plain set is taken");
    }

    async function assertApplication(changes: Changes = {}): Promise<Outcome> {
        const outcome = await scene.create(changes);
        assert.equal(stateOf(outcome).consistencyLevel, "application");
        assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        return outcome;
    }

    describe("a check, of scripts that follow a recipe,", () => {
        const quiesceBy = () => ({
            scripts: {
                preFreeze: { path: scene.host.preFreezePath },
                postThaw: { path: scene.host.postThawPath },
                recipe: "example",
            },
        });
        const CHECKED = ["pre freeze", "pre check", "post thaw", "thawed thaw"];

        it("exits 0: they vouch by more than their exit code", async () => {
            scene.host.writeHooks();
            const outcome = await scene.create({ quiesce: quiesceBy() });
            const { consistencyLevel, evidence } = stateOf(outcome);
            assert.equal(consistencyLevel, "application");
            assert.equal(evidence.vouchedBy, "recipe:example");
            assert.deepEqual(outcome.events, CHECKED);
        });

        it("exits 1: what was frozen was not held, and nothing is kept", async () => {
            scene.host.writeHooks({ pre: '[ "$1" = freeze ]' });
            const failed = await scene.create({ quiesce: quiesceBy() });
            assert.match(plainError(failed).message, /^HOLD_LOST .*They reported that they did not hold/);
            assert.deepEqual(failed.events, CHECKED);

            const kept = await scene.create({ quiesce: quiesceBy(), minimumLevel: "crash" });
            const { consistencyLevel, evidence } = stateOf(kept);
            assert.equal(consistencyLevel, "crash");
            assert.include(evidence, { reason: "HOLD_LOST", held: false });
        });
    });

    describe("pre-freeze", () => {
        it("exits 1, with half of it frozen", async () => {
            scene.host.writeHooks({ pre: "exit 1" });
            await assertNotFrozen("PRE_FREEZE_FAILED", /The pre-freeze script exited with 1\./);
        });

        it("dies by a signal", async () => {
            scene.host.writeHooks({ pre: "kill -KILL $$" });
            await assertNotFrozen("PRE_FREEZE_FAILED", /was ended by signal 9/);
        });

        it("hangs", async () => {
            scene.host.writeHooks({ pre: "sleep 1000" });
            const text = /did not end within 1 s/;
            await assertNotFrozen("PRE_FREEZE_TIMEOUT", text, { timeouts: { preFreeze: 1 } });
        });

        it("hangs and ignores TERM, its children too", async () => {
            scene.host.writeHooks({ pre: "trap '' TERM\nsleep 1000 &\nwhile :; do sleep 1; done" });
            const text = /did not end within 1 s/;
            await assertNotFrozen("PRE_FREEZE_TIMEOUT", text, { timeouts: { preFreeze: 1 } });
        });

        for (const showHookOutput of ["never", "onFailure"] as const) {
            it(`writes a million lines (showHookOutput: ${showHookOutput})`, async () => {
                scene.host.writeHooks({ pre: "yes line | head -n 1000000\nyes line | head -n 1000000 >&2" });
                await assertApplication({ quiesce: { showHookOutput } });
            });

            it(`leaves a daemon that keeps its output open (showHookOutput: ${showHookOutput})`, async () => {
                scene.host.writeHooks({
                    pre: "setsid sleep 1000 &\necho $! >/run/daemon",
                    post: "kill $(cat /run/daemon)",
                });
                await assertApplication({ quiesce: { showHookOutput } });
            });
        }

        it("reads its standard input: that is empty", async () => {
            scene.host.writeHooks({ pre: '[ -z "$(cat)" ] || exit 1' });
            await assertApplication();
        });

        it("gets the environment, as post-thaw does, and ids of this run", async () => {
            const tell =
                'printf "%s,%s,%s" "$APP_PASSWORD" "$ACS_EXECUTION_ID" "$ACS_INSTANCE_ID" >/run/env.';
            scene.host.writeHooks({ pre: `${tell}pre`, post: `${tell}post` });
            const { id } = await assertApplication();
            const expected = [SECRET, id, scene.instance.instanceId].join(",");
            assert.equal(scene.host.exec("cat /run/env.pre"), expected);
            assert.equal(scene.host.exec("cat /run/env.post"), expected);
            scene.host.exec("rm /run/env.*");
        });
    });

    describe("a hook's output", () => {
        const pre = 'echo "cannot lock tables with $APP_PASSWORD" >&2\nexit 1';

        it("is not shown by default", async () => {
            scene.host.writeHooks({ pre });
            const { message } = plainError(await scene.create());
            assert.notInclude(message, "cannot lock");
        });

        it("is shown on request in the error alone, with secrets masked", async () => {
            scene.host.writeHooks({ pre });
            const failed = await scene.create({ quiesce: { showHookOutput: "onFailure" } });
            assert.include(plainError(failed).message, "cannot lock tables with [secret]");
            assert.notInclude(failed.lines.join("\n"), "cannot lock");
        });

        it("is its end: 2 KiB", async () => {
            scene.host.writeHooks({ pre: "yes beginning | head -n 1000 >&2\necho the-end >&2\nexit 1" });
            const failed = await scene.create({ quiesce: { showHookOutput: "onFailure" } });
            const { message } = plainError(failed);
            assert.include(message, "the-end");
            assert.isBelow(message.length, 4000);
        });

        it("of a post-thaw that fails is shown on request, and not stored", async () => {
            scene.host.writeHooks({ post: 'echo "still locked with $APP_PASSWORD" >&2\nexit 1' });
            const failed = await scene.create({ quiesce: { showHookOutput: "onFailure" } });
            const { message, properties } = initError(failed);
            assert.include(message, "The post-thaw script's stderr ends: \"still locked with [secret]");
            assert.notInclude(JSON.stringify(properties), "still locked");
            assert.notInclude(failed.lines.join("\n"), "still locked");
            scene.host.writeHooks();
            stateOf(await scene.update(failed));
        });

        it("of both scripts is shown by script, when both fail", async () => {
            scene.host.writeHooks({
                pre: "echo no disk >&2\nexit 1",
                post: "echo no process >&2\nexit 1",
            });
            const quiesce = { showHookOutput: "onFailure" } as const;
            const failed = await scene.create({ quiesce });
            const { message } = initError(failed);
            assert.include(message, `The pre-freeze script's stderr ends: "no disk\\n".`);
            assert.include(message, `The post-thaw script's stderr ends: "no process\\n".`);

            // Recovery tells it as well.
            scene.diff(failed, { quiesce });
            const still = await scene.create({ owner: failed.inputs.owner, quiesce });
            assert.include(plainError(still).message, `The post-thaw script's stderr ends: "no process\\n".`);
            scene.host.writeHooks();
            stateOf(await scene.create({ owner: failed.inputs.owner }));
            await scene.remove(failed);
        });
    });

    describe("post-thaw", () => {
        /** It fails until it is mended. */
        async function leavePending(changes: Changes = {}): Promise<Outcome> {
            scene.host.writeHooks({ post: FAILS });
            const outcome = await scene.create(changes);
            const { message, properties } = initError(outcome);
            assert.match(message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN; the set snap-/);
            assert.notMatch(message, /is awake;/);
            assert.isTrue(properties.thawPending);
            assert.lengthOf(properties.snapshotIds, 3);
            assert.equal(properties.consistencyLevel, "application", "it was held, all the same");
            assert.deepEqual(scene.diff(outcome), { changes: true, replaces: [] });
            return outcome;
        }

        /** The run after `leavePending`. */
        async function assertHealed(before: Outcome, events: string[], changes: Changes = {}): Promise<void> {
            const healed = await scene.update(before, changes);
            const state = stateOf(healed);
            assert.isFalse(state.thawPending);
            assert.isTrue(state.recorded);
            assert.equal(state.evidence.completion, "completed");
            assert.deepEqual(state.snapshotIds, before.error?.properties?.snapshotIds);
            assert.deepEqual(setRequests(healed), []);
            assert.deepEqual(healed.events, events);
            assert.deepEqual(scene.diff(healed), { changes: false, replaces: [] });
        }

        it("exits 1 each time: the state is saved; when it is mended the next run heals and takes no new set", async () => {
            const pending = await leavePending();
            // By the guard; over the fresh connection as its marker says; and by the present inputs.
            assert.deepEqual(pending.events, ["pre freeze", ...Array<string>(9).fill("post thaw")]);

            const still = await scene.update(pending);
            const { message, properties } = initError(still);
            assert.match(message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
            assert.deepEqual(properties.snapshotIds, initError(pending).properties.snapshotIds);
            assert.isTrue(properties.thawPending);

            scene.host.writeHooks();
            await assertHealed(still, ["post thaw", "thawed thaw"]);
        });

        it("exits 1 once, and is run again", async () => {
            scene.host.writeHooks({ post: "[ -e /run/once ] || { : >/run/once; exit 1; }\nrm /run/once" });
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.deepEqual(outcome.events, ["pre freeze", "post thaw", "post thaw", "thawed thaw"]);
        });

        it("dies by a signal once, and is run again", async () => {
            scene.host.writeHooks({
                post: "[ -e /run/once ] || { : >/run/once; kill -KILL $$; }\nrm /run/once",
            });
            const outcome = await scene.create();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.deepEqual(outcome.events, ["pre freeze", "post thaw", "post thaw", "thawed thaw"]);
        });

        it("hangs once, and is run again", async () => {
            scene.host.writeHooks({
                post: "[ -e /run/once ] || { : >/run/once; sleep 1000; }\nrm /run/once",
            });
            const outcome = await scene.create({ timeouts: { postThaw: 1 } });
            assert.equal(stateOf(outcome).consistencyLevel, "application");
        });

        it("hangs each time: as one that fails", async () => {
            scene.host.writeHooks({ post: "sleep 1000" });
            const pending = await scene.create({ timeouts: { postThaw: 1 } });
            assert.match(initError(pending).message, /^THAW_PENDING /);
            assert.isTrue(initError(pending).properties.thawPending);
            scene.host.writeHooks();
            await assertHealed(pending, ["post thaw", "thawed thaw"]);
        });

        it("exits 205: by the scripts' own word nothing was held", async () => {
            scene.host.writeHooks({ post: `rm -f ${scene.host.frozenPath}\nexit 205` });
            const failed = await scene.create();
            assert.match(
                plainError(failed).message,
                /^HOLD_LOST .*exited with 205 at its first try.*is awake; no snap/,
            );

            const kept = await scene.create({ minimumLevel: "crash" });
            const { consistencyLevel, evidence, thawPending } = stateOf(kept);
            assert.equal(consistencyLevel, "crash");
            assert.include(evidence, { reason: "HOLD_LOST", held: false });
            assert.isFalse(thawPending);
            assert.equal(evidence.hooks?.postThaw?.exitCode, 205);
        });

        it("fails after a pre-freeze that failed: no set, but a state; a replacement heals first", async () => {
            scene.host.writeHooks({ pre: FAILS, post: FAILS });
            const pending = await scene.create();
            const { message, properties } = initError(pending);
            assert.match(
                message,
                /^THAW_PENDING .*Pre-freeze never reported that it froze.*Post-thaw exited with 1\. \[PRE_FREEZE_FAILED\] .*THE INSTANCE MAY STILL BE FROZEN; no snapshot was kept/,
            );
            assert.isTrue(properties.thawPending);
            assert.deepEqual(properties.snapshotIds, []);
            assert.deepEqual(scene.diff(pending), { changes: true, replaces: ["snapshotIds"] });

            scene.host.writeHooks();
            const replacement = await scene.create();
            assert.equal(stateOf(replacement).consistencyLevel, "application");
            assert.deepEqual(replacement.events, ["post thaw", "thawed thaw", ...FROZEN_AND_THAWED]);
            assert.isUndefined((await scene.remove(pending)).error);
        });

        it("fails after a pre-freeze that failed: a plain set is recorded when the minimum allows", async () => {
            scene.host.writeHooks({ pre: FAILS, post: FAILS });
            const pending = await scene.create({ minimumLevel: "crash" });
            const { message, properties } = initError(pending);
            assert.match(message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
            assert.isTrue(properties.thawPending);
            assert.lengthOf(properties.snapshotIds, 3);
            assert.equal(properties.consistencyLevel, "crash");
            assert.equal(properties.evidence.reason, "PRE_FREEZE_FAILED");
            for (const text of [message, properties.evidence.message ?? ""]) {
                assert.match(text, /What to do: Run again, which thaws/);
                assert.notInclude(text, "by hand and then");
            }
            scene.host.writeHooks();
            await assertHealed(pending, ["post thaw", "thawed thaw"], { minimumLevel: "crash" });
        });

        it("fails, and the plain set too: that the host may be frozen is not forgotten", async () => {
            scene.host.writeHooks({ pre: FAILS, post: FAILS });
            await scene.cloud.fault("CreateSnapshots", { kind: "error", code: "SnapshotLimitExceeded" });
            const pending = await scene.create({ minimumLevel: "crash" });
            const { message, properties } = initError(pending);
            assert.match(
                message,
                /^THAW_PENDING .*\[SNAPSHOT_REFUSED\] .*THE INSTANCE MAY STILL BE FROZEN; no snapshot was kept/,
            );
            assert.isTrue(properties.thawPending);
            assert.deepEqual(properties.snapshotIds, []);
            scene.host.writeHooks();
            stateOf(await scene.create());
            await scene.remove(pending);
        });

        it("fails, and the set is not good enough: the set goes, the state stays", async () => {
            scene.host.writeHooks({ post: FAILS });
            await scene.cloud.setLatency("CreateSnapshots", 2500);
            const pending = await scene.create({ timeouts: { freeze: 1 } });
            const { message, properties } = initError(pending);
            assert.match(
                message,
                /^THAW_PENDING .*Pre-freeze had reported that it froze\..*\[FREEZE_EXPIRED\] .*THE INSTANCE MAY STILL BE FROZEN; no snapshot was kept/,
            );
            assert.isTrue(properties.thawPending);
            assert.deepEqual(properties.snapshotIds, []);
            scene.host.writeHooks();
            await scene.cloud.setLatency("CreateSnapshots", 0);
            stateOf(await scene.create());
            await scene.remove(pending);
        });

        it("fails without a set: a replacement that cannot heal is no success, even where a plain set will do", async () => {
            scene.host.writeHooks({ pre: FAILS, post: FAILS });
            const pending = await scene.create();
            assert.deepEqual(initError(pending).properties.snapshotIds, []);
            const gone = await startSshHost();
            await gone.stop();
            const { owner } = pending.inputs;
            for (const changes of [
                { connection: { port: gone.port }, timeouts: { connect: 1 }, minimumLevel: "crash" },
                { quiesce: { method: "none" } },
            ] as const) {
                assert.include(scene.diff(pending, changes).replaces, "snapshotIds");
                const failed = await scene.create({ ...changes, owner });
                assert.match(plainError(failed).message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
                assert.deepEqual(setRequests(failed), []);
            }
            scene.host.writeHooks();
            scene.diff(pending);
            const replacement = await scene.create({ owner });
            assert.equal(stateOf(replacement).consistencyLevel, "application");
            assert.deepEqual(replacement.events, ["post thaw", "thawed thaw", ...FROZEN_AND_THAWED]);
            await scene.remove(pending);
        });

        it("fails while CreateSnapshots is throttled: not tried again on a frozen host", async () => {
            scene.host.writeHooks({ post: FAILS });
            await scene.cloud.fault("CreateSnapshots", {
                kind: "error",
                code: "RequestLimitExceeded",
                status: 503,
            });
            const pending = await scene.create();
            assert.match(
                initError(pending).message,
                /^THAW_PENDING .*\[SNAPSHOT_THROTTLED\] .*THE INSTANCE MAY STILL BE FROZEN/,
            );
            assert.lengthOf(setRequests(pending), 1);
            scene.host.writeHooks();
            stateOf(await scene.create());
            await scene.remove(pending);
        });

        describe("healed by a later run", () => {
            it("finds that somebody has thawed by hand and removed the marker: runs nothing", async () => {
                const pending = await leavePending();
                scene.host.exec(`rm -rf ${scene.host.guardDirectory} ${scene.host.frozenPath}`);
                await assertHealed(pending, []);
            });

            it("finds that the host was booted since: runs nothing, and removes the marker", async () => {
                const pending = await leavePending();
                scene.host.changeBootId();
                scene.host.exec(`rm ${scene.host.frozenPath}`);
                await assertHealed(pending, []);
            });

            it("finds that the instance is stopped: does not connect", async () => {
                const pending = await leavePending();
                await scene.cloud.setInstanceState(scene.instance.instanceId, "stopped");
                await assertHealed(pending, [], { connection: { port: 1 } });
                await scene.cloud.setInstanceState(scene.instance.instanceId, "running");
                scene.host.exec(`rm -rf ${scene.host.guardDirectory} ${scene.host.frozenPath}`);
            });

            it("finds that the instance is gone", async () => {
                const special = await Scene.start();
                special.host.writeHooks({ post: FAILS });
                const pending = await special.create();
                assert.isTrue(initError(pending).properties.thawPending);
                await special.cloud.setInstanceState(special.instance.instanceId, "terminated");
                const healed = await special.update(pending, { connection: { port: 1 } });
                assert.isFalse(stateOf(healed).thawPending);
                assert.deepEqual(healed.events, []);
                await special.stop();
            });

            it("goes another way to the host", async () => {
                const pending = await leavePending();
                scene.host.writeHooks();
                const proxy = await TcpProxy.start({ to: scene.host.port });
                try {
                    await assertHealed(pending, ["post thaw", "thawed thaw"], {
                        connection: { port: proxy.port },
                    });
                } finally {
                    await proxy.stop();
                }
            });

            it("does not reach the host: stays pending", async () => {
                const pending = await leavePending();
                const gone = await startSshHost();
                await gone.stop();
                const still = await scene.update(pending, {
                    connection: { port: gone.port },
                    timeouts: { connect: 1 },
                });
                assert.match(
                    initError(still).message,
                    /^THAW_PENDING .*\[SSH_UNREACHABLE\] .*refused.*THE INSTANCE MAY STILL BE FROZEN/,
                );
                assert.isTrue(initError(still).properties.thawPending);
                scene.host.writeHooks();
                await assertHealed(still, ["post thaw", "thawed thaw"]);
            });

            it("reaches another host: stays pending", async () => {
                const pending = await leavePending();
                const other = await startSshHost({ instanceId: "i-0fedcba9876543210" });
                try {
                    const still = await scene.update(pending, { connection: { port: other.port } });
                    assert.match(
                        initError(still).message,
                        /^THAW_PENDING .*\[WRONG_INSTANCE\] .*THE INSTANCE MAY STILL BE FROZEN.*What to do: Correct `connection\.host`/,
                    );
                    assert.isTrue(initError(still).properties.thawPending);
                    scene.host.writeHooks();
                    await assertHealed(still, ["post thaw", "thawed thaw"]);
                } finally {
                    await other.stop();
                }
            });

            it("has no way to the host any more, by { method: none }: stays pending", async () => {
                const pending = await leavePending();
                const still = await scene.update(pending, { quiesce: { method: "none" } });
                const { message, properties } = initError(still);
                assert.match(message, /^THAW_PENDING .*method: "none".*THE INSTANCE MAY STILL BE FROZEN/);
                assert.isTrue(properties.thawPending);
                scene.host.writeHooks();
                await assertHealed(still, ["post thaw", "thawed thaw"]);
            });

            it("cannot be deleted before: with the state would go what is known of the freeze", async () => {
                const pending = await leavePending();
                const refused = await scene.remove(pending);
                assert.match(plainError(refused).message, /^THAW_PENDING .*THE INSTANCE MAY STILL BE FROZEN/);
                assert.lengthOf(await scene.cloud.snapshots(scene.instance), 3);

                scene.host.writeHooks();
                // The next run on that host wakes it.
                assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
                assert.isUndefined((await scene.remove(pending)).error);
            });
        });
    });
});
