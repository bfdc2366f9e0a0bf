import { assert } from "chai";
import { LocalSystemsManager } from "../../../lab/cloud/localSystemsManager";
import { pathWithPlugin } from "../../../lab/sessionManagerPlugin/pluginPath";
import { Relay } from "../../../lab/hosts/relay";
import { needsRoot } from "../../../lab/hosts/sshHost";
import { type Outcome, Scene, initError, setRequests, stateOf } from "../../../lab/scenes/scene";

const NC = ["busybox", "nc", "%h", "%p"];

describe("how the host is reached", function () {
    this.timeout(120_000);
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    afterEach(() => scene.afterEach());
    after(() => Scene.stopAll());

    const evidenceOf = (outcome: Outcome) => stateOf(outcome).evidence;

    it("is in the evidence", async () => {
        const evidence = evidenceOf(await scene.create());
        assert.include(evidence, { route: "tcp", hostKey: "pinned" });
    });

    it("by a program proves as much", async () => {
        const outcome = await scene.create({ connection: { tunnel: { via: "command", command: NC } } });
        assert.equal(stateOf(outcome).consistencyLevel, "application");
        assert.include(evidenceOf(outcome), { route: "command", hostKey: "pinned", held: true });
    });

    it("by a program that is not there is a precondition failure, and nothing is touched", async () => {
        const tunnel = { via: "command", command: ["no-such-program-here"] } as const;
        const outcome = await scene.create({
            connection: { tunnel: { ...tunnel, command: [...tunnel.command] } },
        });
        assert.match(
            outcome.error?.message ?? "",
            /^PRECONDITION_FAILED.*\[TUNNEL_FAILED\].*no-such-program-here/,
        );
        assert.deepEqual(outcome.events, []);
        const fallen = await scene.create({
            connection: { tunnel: { ...tunnel, command: [...tunnel.command] } },
            minimumLevel: "crash",
        });
        assert.include(evidenceOf(fallen), { reason: "PRECONDITION_FAILED" });
    });

    /** A run over a line that is then cut without a word, for either side. */
    async function cutOff(connection: object, course: (run: Promise<Outcome>, line: Relay) => Promise<void>) {
        const line = await Relay.to(scene.host.port);
        try {
            const run = scene.create({
                connection: { port: line.port, ...connection },
                timeouts: { freeze: 60, connect: 3 },
                minimumLevel: "crash",
            });
            await course(run, line);
        } finally {
            line.close();
        }
    }

    for (const [way, connection] of [
        ["TCP", {}],
        ["a program", { tunnel: { via: "command", command: NC } }],
    ] as const) {
        it(`over ${way}: when nothing passes any more while frozen, the host is awake within 5 s`, async () => {
            await cutOff(connection, async (run, line) => {
                const gate = await scene.cloud.gate("CreateSnapshots");
                await gate.reached();
                line.silence();
                const from = performance.now();
                await scene.host.until(() => !scene.host.frozen, { limit: 20_000, what: "the thaw" });
                const seconds = (performance.now() - from) / 1000;
                assert.isBelow(
                    seconds,
                    6.5,
                    "5 s after the last sign of life, and what a busy machine takes",
                );
                await gate.release();
                // Over this line nobody can know, so nobody claims it.
                const outcome = await run;
                assert.match(initError(outcome).message, /^THAW_PENDING.*\[HOLD_UNPROVEN\]/);
                const healed = await scene.update(outcome);
                assert.isFalse(stateOf(healed).thawPending);
            });
        });
    }

    describe("over Session Manager", () => {
        const connection = {
            host: undefined,
            hostKey: undefined,
            tunnel: { via: "session-manager" },
        } as const;
        let manager: LocalSystemsManager;
        let path: string | undefined;

        beforeEach(async () => {
            manager = new LocalSystemsManager(scene.cloud);
            await manager.manage(scene.instance.instanceId, { platformType: "Linux" });
            path = process.env["PATH"];
            process.env["PATH"] = pathWithPlugin();
        });
        afterEach(async () => {
            process.env["PATH"] = path;
            await manager.noSessionLeft();
        });

        it("a set is proven as well, without an address and without a host key", async () => {
            const outcome = await scene.create({ connection });
            assert.equal(stateOf(outcome).consistencyLevel, "application");
            assert.include(evidenceOf(outcome), { route: "session-manager", hostKey: "aws", held: true });
        });

        it("when the session ends by its maximum duration while frozen, the host is awake, and nothing is claimed", async () => {
            const gate = await scene.cloud.gate("CreateSnapshots");
            const run = scene.create({ connection, timeouts: { freeze: 60 }, minimumLevel: "crash" });
            await gate.reached();
            await manager.endSessions("Session terminated because it reached the maximum session duration");
            await scene.host.until(() => !scene.host.frozen, { what: "the thaw" });
            await gate.release();
            const { consistencyLevel, evidence, thawPending } = stateOf(await run);
            assert.equal(consistencyLevel, "crash");
            assert.include(evidence, { reason: "HOLD_UNPROVEN" });
            assert.isFalse(thawPending);
        });
    });

    it("a controller that is busy for 2 s loses no freeze", async () => {
        const gate = await scene.cloud.gate("CreateSnapshots");
        const run = scene.create({ timeouts: { freeze: 60 } });
        await gate.reached();
        for (let times = 0; times < 3; times += 1) {
            block(2_000);
            await new Promise((resolve) => setImmediate(resolve));
        }
        await gate.release();
        const { evidence, consistencyLevel } = stateOf(await run);
        assert.equal(consistencyLevel, "application");
        assert.isAbove(evidence.freezeWindowMs ?? 0, 6_000);
        assert.lengthOf(setRequests(await run), 1);
    });
});

/** Nothing of this process goes on for so long. Milliseconds. */
function block(ms: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
