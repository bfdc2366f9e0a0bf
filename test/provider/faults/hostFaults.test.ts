import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { assert } from "chai";
import { composeGuard } from "../../../provider/quiesce/hooks/guardProgram";
import { timing } from "../../../provider/base/timing";
import { guardParams } from "../../../lab/hosts/guardSession";
import {
    type Changes,
    type Outcome,
    Scene,
    initError,
    plainError,
    setRequests,
    stateOf,
} from "../../../lab/scenes/scene";
import type { HostProcess } from "../../../lab/hosts/hostProcesses";
import { needsRoot } from "../../../lab/hosts/sshHost";
import { TcpProxy } from "../../../lab/hosts/tcpProxy";

const FROZEN_AND_THAWED = ["pre freeze", "post thaw", "thawed thaw"];
/** Nobody waits long for a host that does not come back. */
const QUICK: Changes = { timeouts: { connect: 3 } };
const FREEZE_FAILED = ["pre freeze", "post freezeFail", "thawed freezeFail"];

describe("faults of the host and of the connection", function () {
    this.timeout(180_000);
    let scene: Scene;
    const usual = { ...timing };
    let proxy: TcpProxy;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    beforeEach(async () => {
        proxy = await TcpProxy.start({ to: scene.host.port });
    });
    afterEach(async () => {
        Object.assign(timing, usual);
        await proxy.stop();
        await scene.afterEach();
    });
    after(() => Scene.stopAll());

    /** Runs until the host is frozen and CreateSnapshots is asked for; then something happens; then EC2 answers. */
    async function whileFrozen(
        happen: () => Promise<void> | void,
        changes: Changes = {},
    ): Promise<Outcome & { thawedBefore: boolean }> {
        const gate = await scene.cloud.gate("CreateSnapshots");
        const running = scene.create({ connection: { port: proxy.port }, ...changes });
        await gate.reached();
        assert.isTrue(scene.host.frozen);
        await happen();
        const thawedBefore = !scene.host.frozen;
        await gate.release();
        return { ...(await running), thawedBefore };
    }

    async function untilAwake(): Promise<void> {
        await scene.host.until(() => !scene.host.frozen, { what: "a host that is awake" });
    }

    /** The same twice: an error that keeps nothing; then, when crash will do, a set that says why. */
    async function assertNotHeld(
        codes: RegExp,
        happen: () => Promise<void> | void,
        changes: Changes = {},
    ): Promise<void> {
        const failed = await whileFrozen(happen, changes);
        const { message } = plainError(failed);
        assert.match(message, codes);
        assert.match(message, /State: the instance is awake; no snapshot was kept\./);
        assert.deepEqual(failed.events, FROZEN_AND_THAWED);

        const kept = await whileFrozen(happen, { ...changes, minimumLevel: "crash" });
        const { consistencyLevel, evidence, thawPending } = stateOf(kept);
        assert.equal(consistencyLevel, "crash");
        assert.match(evidence.reason ?? "", codes);
        assert.isFalse(evidence.held);
        assert.isFalse(thawPending);
        assert.deepEqual(kept.events, FROZEN_AND_THAWED);
    }

    describe("while frozen, the connection", () => {
        for (const how of ["FIN", "RST"] as const) {
            it(`is cut with ${how}: thawed at once, proven over a fresh connection`, async () => {
                await assertNotHeld(/^HOLD_UNPROVEN/, async () => {
                    proxy.cut(how);
                    await untilAwake();
                });
            });
        }

        it("is cut silently: thawed by the timer, proven over a fresh connection", async () => {
            const limit = 3;
            let frozenForMs = 0;
            const failed = await whileFrozen(
                async () => {
                    const since = performance.now();
                    proxy.goSilent();
                    await untilAwake();
                    frozenForMs = performance.now() - since;
                },
                { timeouts: { freeze: limit } },
            );
            assert.match(plainError(failed).message, /^HOLD_UNPROVEN .*the instance is awake; no snapshot/);
            assert.deepEqual(failed.events, FROZEN_AND_THAWED);
            assert.isAbove(frozenForMs, 1000, "nothing else than the timer thawed");
            assert.isBelow(frozenForMs, limit * 1000 + 5000);
        });
    });

    describe("before anything is frozen, the connection", () => {
        it("is cut, and nobody can connect any more: nothing is pending, for nothing was begun", async () => {
            for (const minimumLevel of ["application", "crash"] as const) {
                const way = await TcpProxy.start({ to: scene.host.port });
                // The look that warms a connection to AWS, when the guard is ready already.
                const gate = await scene.cloud.gate("DescribeVolumes", { skip: 1 });
                const running = scene.create({ connection: { port: way.port }, minimumLevel });
                await gate.reached();
                await way.stop();
                await scene.untilIdle();
                await gate.release();
                const outcome = await running;
                assert.deepEqual(outcome.events, []);
                if (minimumLevel === "crash") {
                    assert.equal(stateOf(outcome).evidence.reason, "CONNECTION_LOST");
                } else {
                    assert.match(
                        plainError(outcome).message,
                        /^CONNECTION_LOST .*before anything was frozen/,
                    );
                }
                await scene.cloud.reset();
            }
        });
    });

    describe("during pre-freeze, the connection", () => {
        it("is cut: post-thaw runs, then an error or a plain set", async () => {
            scene.host.writeHooks({ pre: "sleep 1000" });
            for (const minimumLevel of ["application", "crash"] as const) {
                const running = scene.create({ connection: { port: proxy.port }, minimumLevel });
                const started = scene.host.events.length;
                await scene.host.until(() => scene.host.events.length > started, { what: "pre-freeze" });
                proxy.cut("RST");
                const outcome = await running;
                assert.deepEqual(outcome.events, FREEZE_FAILED);
                if (minimumLevel === "crash") {
                    assert.equal(stateOf(outcome).evidence.reason, "CONNECTION_LOST");
                    assert.equal(stateOf(outcome).consistencyLevel, "crash");
                } else {
                    assert.match(
                        plainError(outcome).message,
                        /^CONNECTION_LOST .*during pre-freeze.*the instance is awake; no snapshot/,
                    );
                    assert.deepEqual(setRequests(outcome), []);
                }
            }
        });
    });

    describe("during post-thaw, the connection", () => {
        it("is cut: it was held, and a fresh connection finds the host awake", async () => {
            scene.host.writeHooks({ post: "sleep 3" });
            const running = scene.create({ connection: { port: proxy.port } });
            await scene.host.waitFor(/^post thaw/);
            // The word that it was held is said before post-thaw is started; nothing tells when it has arrived.
            await new Promise((resolve) => setTimeout(resolve, 1000));
            proxy.cut("RST");
            const outcome = await running;
            const { consistencyLevel, evidence, thawPending } = stateOf(outcome);
            assert.equal(consistencyLevel, "application");
            assert.isTrue(evidence.held);
            assert.isUndefined(evidence.thawedAt);
            assert.isFalse(thawPending);
            assert.deepEqual(outcome.events, FROZEN_AND_THAWED);
        });
    });

    describe("while frozen, on the host", () => {
        it("sshd's session is killed", async () => {
            await assertNotHeld(/^HOLD_UNPROVEN/, async () => {
                scene.host.killSessions();
                await untilAwake();
            });
        });

        it("sudo is killed", async () => {
            await assertNotHeld(/^HOLD_(LOST|UNPROVEN)/, async () => {
                const [sudo] = guards().filter(({ command }) => command.startsWith("sudo "));
                assert(sudo !== undefined);
                scene.host.signal(sudo.pid, "SIGKILL");
                await untilAwake();
            });
        });

        it("each process of the guard is killed in turn: awake, and no level without proof", async () => {
            let count = 1;
            const killed: string[] = [];
            for (let index = 0; index < count; index += 1) {
                const outcome = await whileFrozen(async () => {
                    const all = guards().filter(({ command }) => !/^(sudo |sleep 0\.2)/.test(command));
                    count = all.length;
                    const victim = all[index];
                    if (victim === undefined) {
                        return;
                    }
                    scene.host.signal(victim.pid, "SIGKILL");
                    killed.push(victim.command.slice(0, 30));
                    await scene.host.until(() => !scene.host.frozen, { limit: 1500 }).catch(() => undefined);
                });
                assert.isFalse(scene.host.frozen, "the run is over");
                if (outcome.thawedBefore) {
                    assert.match(
                        plainError(outcome).message,
                        /^HOLD_(LOST|UNPROVEN) .*the instance is awake/,
                    );
                } else {
                    const { consistencyLevel, evidence } = stateOf(outcome);
                    assert.equal(consistencyLevel, "application");
                    assert.isTrue(evidence.held);
                }
                assert.equal(outcome.events.filter((event) => event === "pre freeze").length, 1);
            }
            assert.isAbove(killed.length, 4, killed.join(", "));
        });

        it("everything dies, and the fresh connection thaws", async () => {
            const failed = await whileFrozen(() => scene.killAll());
            assert.match(plainError(failed).message, /^HOLD_UNPROVEN .*the instance is awake; no snapshot/);
            assert.deepEqual(failed.events, FROZEN_AND_THAWED);
        });

        it("everything dies and nobody can connect any more: the state says that it may be frozen", async () => {
            const failed = await whileFrozen(async () => {
                scene.killAll();
                await proxy.stop();
            }, QUICK);
            const { message, properties } = initError(failed);
            assert.match(
                message,
                /^THAW_PENDING .*Pre-freeze had reported that it froze\. How post-thaw ended is not known\. \[HOLD_UNPROVEN\] .*\[SSH_UNREACHABLE\] .*THE INSTANCE MAY STILL BE FROZEN; no snapshot was kept/,
            );
            assert.isTrue(properties.thawPending);
            assert.isTrue(scene.host.frozen);
            const next = await scene.create();
            assert.equal(stateOf(next).consistencyLevel, "application");
            assert.deepEqual(next.events, ["post thaw", "thawed thaw", ...FROZEN_AND_THAWED]);
            await scene.remove(failed);
        });

        it("everything dies, nobody can connect, and EC2 does not say whether it runs: not claimed awake", async () => {
            const failed = await whileFrozen(async () => {
                timing.downPauseMs = 100;
                scene.killAll();
                await proxy.stop();
                await scene.cloud.deny("DescribeInstances");
            }, QUICK);
            assert.match(
                initError(failed).message,
                /^THAW_PENDING .*\[HOLD_UNPROVEN\].*THE INSTANCE MAY STILL BE FROZEN/,
            );
            assert.isTrue(initError(failed).properties.thawPending);
            await scene.cloud.reset();
            assert.equal(stateOf(await scene.create()).consistencyLevel, "application");
            await scene.remove(failed);
        });

        it("it is booted again: nothing is run there", async () => {
            const failed = await whileFrozen(() => {
                scene.killAll();
                scene.host.changeBootId();
                // What lies in memory is gone with it.
                scene.host.exec(`rm -rf ${scene.host.guardDirectory} ${scene.host.frozenPath}`);
            });
            assert.match(plainError(failed).message, /^HOLD_UNPROVEN .*the instance is awake; no snapshot/);
            assert.deepEqual(failed.events, ["pre freeze"]);
        });

        it("it is booted again, and needs long: it is waited for as long as timeouts.connect allows", async () => {
            const { port } = proxy;
            let booted: Promise<TcpProxy> | undefined;
            const failed = await whileFrozen(async () => {
                scene.killAll();
                await proxy.stop();
                scene.host.changeBootId();
                scene.host.exec(`rm -rf ${scene.host.guardDirectory} ${scene.host.frozenPath}`);
                booted = new Promise((resolve) => setTimeout(resolve, 8_000)).then(() =>
                    TcpProxy.start({ to: scene.host.port, port }),
                );
            });
            await (await booted)?.stop();
            assert.match(plainError(failed).message, /^HOLD_UNPROVEN .*the instance is awake; no snapshot/);
            assert.deepEqual(failed.events, ["pre freeze"]);
        });

        for (const state of ["stopped", "terminated"] as const) {
            it(`the instance is ${state}: nothing can be frozen there, and nobody waits for it`, async () => {
                const special = state === "terminated" ? await Scene.start() : scene;
                const way = await TcpProxy.start({ to: special.host.port });
                const gate = await special.cloud.gate("CreateSnapshots");
                timing.downPauseMs = 100;
                const running = special.create({
                    connection: { port: way.port },
                    timeouts: { connect: 60 },
                });
                await gate.reached();
                special.killAll();
                await way.stop();
                const since = performance.now();
                await special.cloud.setInstanceState(special.instance.instanceId, state);
                special.host.exec(`rm -rf ${special.host.guardDirectory} ${special.host.frozenPath}`);
                await gate.release();
                const failed = await running;
                assert.match(
                    plainError(failed).message,
                    /^(HOLD_UNPROVEN|SNAPSHOT_REFUSED) .*the instance is awake; no snapshot/,
                );
                assert.isBelow(performance.now() - since, 30_000);
                if (special === scene) {
                    await scene.cloud.setInstanceState(scene.instance.instanceId, "running");
                } else {
                    await special.stop();
                }
            });
        }
    });

    describe("the host's storage", () => {
        it("may be full or broken, but for /run", async () => {
            const special = await Scene.start({ host: { readOnlyDisk: true } });
            const outcome = await special.create({
                quiesce: {
                    scripts: {
                        preFreeze: { script: special.host.preFreezeScript() },
                        postThaw: { script: special.host.postThawScript() },
                    },
                },
            });
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            await special.assertInvariants();
            await special.stop();
        });

        const fill = () =>
            scene.host.exec("mount -o remount,size=1m /run; cat /dev/zero >/run/filler 2>/dev/null; true");
        const empty = () => scene.host.exec("rm -f /run/filler; mount -o remount,size=50% /run");

        it("has no room left in /run while frozen: thawed and held all the same", async () => {
            const gate = await scene.cloud.gate("CreateSnapshots");
            const running = scene.create();
            await gate.reached();
            fill();
            await gate.release();
            const outcome = await running;
            empty();
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.isFalse(stateOf(outcome).thawPending);
        });

        it("has no room left in /run: nothing is frozen", async () => {
            fill();
            const failed = await scene.create();
            empty();
            assert.match(
                plainError(failed).message,
                /^PRECONDITION_FAILED .*\[HOST_UNSUITABLE\] The host cannot be frozen safely/,
            );
            assert.deepEqual(failed.events, []);
            assert.deepEqual(setRequests(failed), []);
        });
    });

    describe("clean-up", () => {
        it("fails: the set is good, and the way out is told", async () => {
            // Simulated: an rm that does not remove folders.
            scene.host.writeScript(
                "/usr/sbin/rm",
                '#!/bin/sh\n[ "$1" = -rf ] && exit 1\nexec /bin/rm "$@"\n',
            );
            const outcome = await scene.create();
            scene.host.exec("/bin/rm /usr/sbin/rm");
            const { consistencyLevel, evidence } = stateOf(outcome);
            assert.equal(consistencyLevel, "application");
            assert.equal(evidence.cleanup, "failed");
            assert.match(
                evidence.message ?? "",
                /Clean-up failed: .*When the instance is awake, remove the folder \/run\/app-consistent-snapshot/,
            );
            assert.match(outcome.lines.join("\n"), /warning: .*[Cc]lean-up/);
            scene.host.exec(`rm -rf ${scene.host.guardDirectory}`);
        });
    });

    describe("two runs at once", () => {
        it("of which one is told that the host is busy", async () => {
            scene.host.writeHooks({ pre: "sleep 1" });
            const outcomes = await Promise.all([scene.create(), scene.create()]);
            const [failed] = outcomes.filter(({ error }) => error !== undefined);
            const [done] = outcomes.filter(({ state }) => state !== undefined);
            assert(failed !== undefined && done !== undefined);
            assert.match(
                plainError(failed).message,
                new RegExp(`^PRECONDITION_FAILED .*\\[HOST_BUSY\\].*${done.id}`),
            );
            assert.equal(stateOf(done).consistencyLevel, "application");
            assert.deepEqual(scene.host.events, FROZEN_AND_THAWED);
        });

        it("of which one waits for the other", async () => {
            scene.host.writeHooks({ pre: "sleep 1" });
            const changes = { timeouts: { lock: 60 } };
            for (const outcome of await Promise.all([scene.create(changes), scene.create(changes)])) {
                assert.equal(stateOf(outcome).consistencyLevel, "application");
            }
            assert.deepEqual(scene.host.events, [...FROZEN_AND_THAWED, ...FROZEN_AND_THAWED]);
        });
    });

    describe("the account's login shell", () => {
        for (const shell of ["/usr/bin/fish", "/bin/tcsh", "/bin/bash", "/bin/dash"]) {
            it(`is ${shell}`, async function () {
                if (!existsSync(shell)) {
                    if (process.env["CI"] === "true") {
                        throw new Error(`this test needs ${shell}`);
                    }
                    this.skip();
                }
                const special = await Scene.start({ host: { loginShell: shell } });
                assert.equal(stateOf(await special.create()).consistencyLevel, "application");
                await special.assertInvariants();
                await special.stop();
            });
        }
    });

    it("thaws at once when the client is killed", async () => {
        const times: number[] = [];
        for (let round = 0; round < 5; round += 1) {
            times.push(await thawTimeAfterKill(scene));
        }
        console.log(`      thawed after ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
        assert.isBelow(Math.min(...times), 1000);
    });

    /** All of the guard's processes. */
    function guards(): HostProcess[] {
        return scene.busy.filter(({ command }) => !command.startsWith("sshd"));
    }
});

/** From SIGKILL of the ssh client that holds the guard to the end of post-thaw. */
async function thawTimeAfterKill({ host }: Scene): Promise<number> {
    const { command, stdin } = composeGuard(guardParams(host));
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    const client = spawn(
        "ssh",
        [
            ...options.flatMap((option) => ["-o", option]),
            ...["-i", host.clientKeyFile, "-p", String(host.port), `${host.user}@${host.address}`, command],
        ],
        { stdio: ["pipe", "pipe", "inherit"] },
    );
    let said = "";
    client.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
    client.stdin.write(stdin);
    await host.until(() => said.includes("ready "));
    client.stdin.write("freeze\n");
    await host.until(() => said.includes("frozen"));
    const since = performance.now();
    client.kill("SIGKILL");
    await host.until(() => !host.frozen);
    const time = performance.now() - since;
    if (client.exitCode === null && client.signalCode === null) {
        await once(client, "exit");
    }
    return time;
}
