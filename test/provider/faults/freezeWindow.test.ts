import { assert } from "chai";
import { timing } from "../../../provider/base/timing";
import { type Outcome, Scene, setRequests, stateOf } from "../../../lab/scenes/scene";
import { needsRoot } from "../../../lab/hosts/sshHost";

/** The call that keeps connections open. */
const TOUCH = "DescribeVolumes";

describe("what keeps the connections to EC2 open while pre-freeze takes long", function () {
    this.timeout(120_000);
    const usual = { ...timing };
    let scene: Scene;

    before(async function () {
        needsRoot(this);
        scene = await Scene.start();
    });
    beforeEach(() => {
        timing.keepWarmMs = 100;
    });
    afterEach(async () => {
        Object.assign(timing, usual);
        await scene.afterEach();
    });
    after(() => Scene.stopAll());

    async function takenWith(seconds: number): Promise<Outcome> {
        scene.host.writeHooks({ pre: `sleep ${seconds}` });
        const outcome = await scene.create();
        assert.equal(stateOf(outcome).consistencyLevel, "application");
        return outcome;
    }

    /** The one request, and the touches before it that were answered. */
    function requestOf(outcome: Outcome) {
        const [request, ...more] = setRequests(outcome);
        assert.isEmpty(more);
        const touches = outcome.calls.filter(
            ({ operation, receivedAt }) => operation === TOUCH && receivedAt < request!.receivedAt,
        );
        return { request: request!, touches };
    }

    it("does so over two by turns: the request goes over the one that has answered last", async () => {
        const { request, touches } = requestOf(await takenWith(1));
        const last = touches.slice(-4).map(({ connection }) => connection);
        assert.equal(last[0], last[2]);
        assert.equal(last[1], last[3]);
        assert.notEqual(last[0], last[1]);
        const answered = touches.filter(({ answeredAt }) => (answeredAt ?? Infinity) < request.receivedAt);
        assert.include(
            answered.slice(-2).map(({ connection }) => connection),
            request.connection,
        );
    });

    it("is not waited for when it has no answer: the request goes over the other connection", async () => {
        const instance = scene.instance.rootVolumeId;
        // Those of the run itself come first: the volumes that are there, and the two connections' first.
        const gate = await scene.cloud.gate(TOUCH, { times: null, skip: 6, resource: instance });
        const outcome = await takenWith(2).finally(() => gate.release());
        const { request, touches } = requestOf(outcome);
        const stuck = touches.filter(({ answeredAt }) => (answeredAt ?? Infinity) > request.receivedAt);
        assert.lengthOf(stuck, 1);
        assert.notEqual(stuck[0]!.connection, request.connection);
        assert.include(
            touches.map(({ connection }) => connection),
            request.connection,
            "the connection was open",
        );
    });

    it("asks for no snapshot: however long EC2 takes to look for one, the freeze is no longer", async () => {
        await scene.cloud.setLatency("DescribeSnapshots", 800);
        const outcome = await takenWith(1);
        const { request } = requestOf(outcome);
        const looks = outcome.calls.filter(({ operation }) => operation === "DescribeSnapshots");
        const from = request.receivedAt - 1_000;
        assert.isEmpty(
            looks.filter(({ receivedAt }) => receivedAt > from && receivedAt < request.answeredAt!),
            "no look while it is frozen",
        );
    });

    it("opens a new one when EC2 has closed them as idle, and sends the request once", async () => {
        timing.keepWarmMs = 60_000;
        await scene.cloud.setIdleLimit(300);
        const { request } = requestOf(await takenWith(1.5));
        assert.equal(request.code, "Success");
    });

    it("keeps them open where EC2 closes what is idle", async () => {
        await scene.cloud.setIdleLimit(500);
        const { request, touches } = requestOf(await takenWith(2));
        assert.include(
            touches.slice(0, 4).map(({ connection }) => connection),
            request.connection,
        );
        assert.equal(request.code, "Success");
    });
});
